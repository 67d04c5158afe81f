/**
 * AlexNet: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012.
 *
 * Variant "2gpu" is the paper's section 3.5: conv2, conv4 and conv5 see only the maps of their own GPU (groups 2), local
 * response normalisation, overlapping pooling; 60,965,224 parameters. The paper says 224×224; its 55×55 needs 227×227. Names and
 * the normalisation's constants are those of Caffe's bvlc_alexnet, whose weights reach 57.1% on one crop; the constants of the
 * paper's section 3.3, whose single network reaches 59.3% on ten crops, are `responseNorm: "paper"`. With `order: "pool, norm"` it
 * is bvlc_reference_caffenet, 57.4% on one crop.
 * Variant "tower" is Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, arXiv:1404.5997,
 * figure 2: one tower of 64, 192, 384, 256 and 256 filters without normalisation, as torchvision has it; 61,100,840
 * parameters.
 *
 * Input [n, 224, 224, 3] ("tower") or [n, 227, 227, 3] ("2gpu"); output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import { type ResponseNormConstants, responseNorm } from "./response-norm.ts";

export interface AlexNetOptions {
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** One tower as torchvision (the default), or the paper's two GPUs. */
  readonly variant?: "tower" | "2gpu";
  /** Of "2gpu": constants of the normalisation. Default "caffe", which published weights have. */
  readonly responseNorm?: ResponseNormConstants;
  /** Of "2gpu": whether the first two layers normalise before they pool (the default, the paper) or after it (CaffeNet). */
  readonly order?: "norm, pool" | "pool, norm";
  /** Part of the hidden units of fc6 and fc7 that training leaves out. Default 0.5, the paper's section 4.2. */
  readonly dropout?: number;
}

export function alexnet(options: AlexNetOptions = {}): nn.Layer {
  const { classes = 1000, variant = "tower", dropout = 0.5 } = options;
  checkOneOf("alexnet", "variant", variant, ["tower", "2gpu"]);
  if (variant === "2gpu") return twoGpus(classes, dropout, options);
  for (const name of ["responseNorm", "order"] as const)
    if (options[name] !== undefined)
      throw new OptionError(
        `alexnet: ${name} is ${options[name]}, but one tower has no normalisation. Set variant "2gpu"?`,
        {
          [name]: options[name],
          variant,
        },
      );
  return tower(classes, dropout);
}

function tower(classes: number, dropout: number): nn.Layer {
  const pool = () => nn.maxPool2d(3, { stride: 2 });
  return nn.sequential({
    features: nn.sequential([
      nn.conv2d(64, 11, { stride: 4, padding: 2 }),
      nn.relu(),
      pool(),
      nn.conv2d(192, 5, { padding: 2 }),
      nn.relu(),
      pool(),
      nn.conv2d(384, 3, { padding: 1 }),
      nn.relu(),
      nn.conv2d(256, 3, { padding: 1 }),
      nn.relu(),
      nn.conv2d(256, 3, { padding: 1 }),
      nn.relu(),
      pool(),
    ]),
    avgpool: nn.adaptiveAvgPool2d(6),
    flatten: nn.flatten(),
    classifier: nn.sequential([
      nn.dropout(dropout),
      nn.linear(4096),
      nn.relu(),
      nn.dropout(dropout),
      nn.linear(4096),
      nn.relu(),
      nn.linear(classes),
    ]),
  });
}

/** Layers are named as in Caffe's bvlc_alexnet, whose weights have this form. */
function twoGpus(
  classes: number,
  dropout: number,
  { responseNorm: constants = "caffe", order = "norm, pool" }: AlexNetOptions,
): nn.Layer {
  checkOneOf("alexnet", "order", order, ["norm, pool", "pool, norm"]);
  const pool = () => nn.maxPool2d(3, { stride: 2 });
  const pooledAndNormalized = (i: 1 | 2): Readonly<Record<string, nn.Layer>> => {
    const norm = { [`norm${i}`]: responseNorm("alexnet", constants) };
    return order === "norm, pool" ? { ...norm, [`pool${i}`]: pool() } : { [`pool${i}`]: pool(), ...norm };
  };
  // Section 5: weights normal with deviation 0.01; biases 1 in conv2, conv4, conv5 and the hidden linear layers, else 0.
  const initial = (bias: number) => ({
    weightInitializer: nn.normal(0.01),
    biasInitializer: nn.constant(bias),
  });
  return nn.sequential({
    conv1: nn.conv2d(96, 11, { stride: 4, ...initial(0) }),
    relu1: nn.relu(),
    ...pooledAndNormalized(1),
    conv2: nn.conv2d(256, 5, { padding: 2, groups: 2, ...initial(1) }),
    relu2: nn.relu(),
    ...pooledAndNormalized(2),
    conv3: nn.conv2d(384, 3, { padding: 1, ...initial(0) }),
    relu3: nn.relu(),
    conv4: nn.conv2d(384, 3, { padding: 1, groups: 2, ...initial(1) }),
    relu4: nn.relu(),
    conv5: nn.conv2d(256, 3, { padding: 1, groups: 2, ...initial(1) }),
    relu5: nn.relu(),
    pool5: pool(),
    flatten: nn.flatten(),
    fc6: nn.linear(4096, initial(1)),
    relu6: nn.relu(),
    drop6: nn.dropout(dropout),
    fc7: nn.linear(4096, initial(1)),
    relu7: nn.relu(),
    drop7: nn.dropout(dropout),
    fc8: nn.linear(classes, initial(0)),
  });
}
