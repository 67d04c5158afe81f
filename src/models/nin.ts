/**
 * Network in network: Lin, Chen and Yan, "Network In Network", 2013, arXiv:1312.4400.
 *
 * After each convolution two of 1×1 (an "mlpconv" layer of section 3.1; the authors' files call them cccp, cascaded cross-channel
 * parametric pooling), and the mean of each class's map in place of fully connected layers. Variant "imagenet" is the authors' model
 * for ImageNet in Caffe's zoo, 7,595,176 parameters, whose names it has. Variant "cifar" is the one for CIFAR-10 of figure 2, 966,986
 * parameters, named as in jiecaoyu/pytorch-nin-cifar10.
 *
 * Input [n, 224, 224, 3] or, for "cifar", [n, 32, 32, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";

export interface NinOptions {
  /** The model for ImageNet (the default) or CIFAR-10. */
  readonly variant?: "imagenet" | "cifar";
  /** Length of the logits. Default 1000, or 10 for "cifar". */
  readonly classes?: number;
  /** Part of the values between two mlpconv layers that training leaves out, where the authors do. Default 0.5. */
  readonly dropout?: number;
}

export function nin({ variant = "imagenet", classes, dropout = 0.5 }: NinOptions = {}): nn.Layer {
  checkOneOf("nin", "variant", variant, ["imagenet", "cifar"]);
  return variant === "imagenet" ? forImageNet(classes ?? 1000, dropout) : forCifar(classes ?? 10, dropout);
}

/** Deviations of the first weights are those of the authors' prototxt. */
function forImageNet(classes: number, dropout: number): nn.Layer {
  const pool = () => nn.maxPool2d(3, { stride: 2, rounding: "ceil" });
  return nn.sequential({
    conv1: convolution(96, 11, 0.01, { stride: 4 }),
    relu0: nn.relu(),
    cccp1: convolution(96, 1, 0.05),
    relu1: nn.relu(),
    cccp2: convolution(96, 1, 0.05),
    relu2: nn.relu(),
    pool0: pool(),
    conv2: convolution(256, 5, 0.05, { padding: 2 }),
    relu3: nn.relu(),
    cccp3: convolution(256, 1, 0.05),
    relu5: nn.relu(),
    cccp4: convolution(256, 1, 0.05),
    relu6: nn.relu(),
    pool2: pool(),
    conv3: convolution(384, 3, 0.01, { padding: 1 }),
    relu7: nn.relu(),
    cccp5: convolution(384, 1, 0.05),
    relu8: nn.relu(),
    cccp6: convolution(384, 1, 0.05),
    relu9: nn.relu(),
    pool3: pool(),
    drop: nn.dropout(dropout),
    "conv4-1024": convolution(1024, 3, 0.05, { padding: 1 }),
    relu10: nn.relu(),
    "cccp7-1024": convolution(1024, 1, 0.05),
    relu11: nn.relu(),
    "cccp8-1024": convolution(classes, 1, 0.01),
    relu12: nn.relu(),
    pool4: nn.globalAvgPool2d(),
  });
}

function forCifar(classes: number, dropout: number): nn.Layer {
  const mlpconv = (kernel: number, ...widths: readonly [number, number, number]) =>
    widths.flatMap((width, i) => [
      convolution(width, i === 0 ? kernel : 1, 0.05, i === 0 ? { padding: (kernel - 1) / 2 } : {}),
      nn.relu(),
    ]);
  return nn.sequential({
    classifier: nn.sequential([
      ...mlpconv(5, 192, 160, 96),
      nn.maxPool2d(3, { stride: 2, padding: 1 }),
      nn.dropout(dropout),
      ...mlpconv(5, 192, 192, 192),
      nn.avgPool2d(3, { stride: 2, padding: 1 }),
      nn.dropout(dropout),
      ...mlpconv(3, 192, 192, classes),
      nn.globalAvgPool2d(),
    ]),
  });
}

function convolution(
  channels: number,
  kernel: number,
  std: number,
  options: nn.Conv2dOptions = {},
): nn.Layer {
  return nn.conv2d(channels, kernel, {
    ...options,
    weightInitializer: nn.normal(std),
    biasInitializer: nn.zeros,
  });
}
