/**
 * ZFNet: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, arXiv:1311.2901.
 *
 * AlexNet with a first layer that looks closer (7×7 at stride 2 in place of 11×11 at stride 4) and without groups, figure 3:
 * 62,357,608 parameters. `widths: [512, 1024, 512]` is the larger network of Table 2, 107,627,624 parameters, which won ILSVRC 2013.
 * Names are those of pytorchcv's zfnet, which normalises before it pools, with constants of its own; the paper normalises what
 * was pooled (`order: "pool, norm"`).
 *
 * Input [n, 224, 224, 3]; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import { type ResponseNormConstants, responseNorm } from "./response-norm.ts";

export interface ZFNetOptions {
  /** Maps of layers 3, 4 and 5. Default 384, 384, 256, figure 3; 512, 1024, 512 in Table 2. */
  readonly widths?: readonly [number, number, number];
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Constants of the normalisation in layers 1 and 2. Default "pytorchcv". */
  readonly responseNorm?: ResponseNormConstants;
  /** Whether layers 1 and 2 normalise before they pool (the default, pytorchcv) or after it (the paper). */
  readonly order?: "norm, pool" | "pool, norm";
  /** Part of the hidden units of layers 6 and 7 that training leaves out. Default 0.5, the paper's section 3. */
  readonly dropout?: number;
}

export function zfnet(options: ZFNetOptions = {}): nn.Layer {
  const { widths = [384, 384, 256], classes = 1000, order = "norm, pool", dropout = 0.5 } = options;
  if (widths.length !== 3)
    throw new OptionError(
      `zfnet: widths is [${widths}], but must be three numbers, those of layers 3 to 5.`,
      {
        widths,
      },
    );
  checkOneOf("zfnet", "order", order, ["norm, pool", "pool, norm"]);
  const norm = () => responseNorm("zfnet", options.responseNorm ?? "pytorchcv");
  const unit = (conv: nn.Layer, rest: Readonly<Record<string, nn.Layer>> = {}) =>
    nn.sequential({ conv, activ: nn.relu(), ...rest });
  const pool = () => nn.maxPool2d(3, { stride: 2, rounding: "ceil" });
  const normalized = (conv: nn.Layer, name: string) =>
    order === "norm, pool"
      ? nn.sequential({ unit1: unit(conv, { norm: norm() }), [name]: pool() })
      : nn.sequential({ unit1: unit(conv), [name]: pool(), norm: norm() });
  const [third, fourth, fifth] = widths;
  const hidden = () => nn.sequential({ fc: linear(4096), activ: nn.relu(), dropout: nn.dropout(dropout) });
  return nn.sequential({
    features: nn.sequential({
      // Figure 3: 110×110 maps and, with smaller windows at the edges of the poolings, 55, 26 and 13.
      stage1: normalized(convolution(96, 7, { stride: 2, padding: 1 }), "pool1"),
      stage2: normalized(convolution(256, 5, { stride: 2 }), "pool2"),
      stage3: nn.sequential({
        unit1: unit(convolution(third, 3, { padding: 1 })),
        unit2: unit(convolution(fourth, 3, { padding: 1 })),
        unit3: unit(convolution(fifth, 3, { padding: 1 })),
        pool3: pool(),
      }),
    }),
    flatten: nn.flatten(),
    output: nn.sequential({ fc1: hidden(), fc2: hidden(), fc3: linear(classes) }),
  });
}

// Section 3 begins with weights of 0.01 and biases of 0; a normal deviation of 0.01, as AlexNet's, breaks their symmetry.
const initial = { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros };

function convolution(channels: number, kernel: number, options: nn.Conv2dOptions): nn.Layer {
  return nn.conv2d(channels, kernel, { ...options, ...initial });
}

function linear(features: number): nn.Layer {
  return nn.linear(features, initial);
}
