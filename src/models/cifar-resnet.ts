/**
 * ResNet for CIFAR: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385,
 * section 4.2.
 *
 * 6n + 2 layers: a 3×3 convolution, then n blocks of two for each of 32×32×16, 16×16×32 and 8×8×64, then a linear layer.
 * layer1 to layer3 are the rows of the section's table; shortcuts are its option A, without parameters: every second place,
 * new channels zero, half of them before and half after the old, as in akamaster/pytorch_resnet_cifar10, whose names these are.
 * The paper's table has 0.27, 0.46, 0.66, 0.85, 1.7 and 19.4 million parameters for 20, 32, 44, 56, 110 and 1202 layers.
 *
 * Input [n, 32, 32, 3]; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";

export interface CifarResNetOptions {
  /** Weighted layers, 6n + 2: 20 (the default), 32, 44, 56, 110 and 1202 in the paper. */
  readonly depth?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function cifarResNet({ depth = 20, classes = 10 }: CifarResNetOptions = {}): nn.Layer {
  if (!Number.isInteger(depth) || depth < 8 || (depth - 2) % 6 !== 0)
    throw new OptionError(
      `cifar-resnet: depth is ${depth}, but must be 6n + 2, such as 20, 32, 44, 56 or 110.`,
      {
        depth,
      },
    );
  const stage = (width: number, stride: number) =>
    nn.repeat((depth - 2) / 6, (i) => block(width, i === 0 ? stride : 1));
  return nn.sequential({
    conv1: convolution(16, 1),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    layer1: stage(16, 1),
    layer2: stage(32, 2),
    layer3: stage(64, 2),
    avgpool: nn.globalAvgPool2d(),
    linear: nn.linear(classes, { weightInitializer: nn.heNormal }),
  });
}

function block(width: number, stride: number): nn.Layer {
  const body = nn.sequential({
    conv1: convolution(width, stride),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    conv2: convolution(width, 1),
    bn2: nn.batchNorm2d(),
  });
  const shortcut =
    stride === 1 ? nn.identity() : nn.sequential({ shortcut: nn.paddedShortcut(width, stride) });
  return nn.residual(body, shortcut, { after: nn.relu() });
}

/** Weights as in He et al., "Delving deep into rectifiers", 2015, which the section cites. */
function convolution(channels: number, stride: number): nn.Layer {
  return nn.conv2d(channels, 3, { stride, padding: 1, bias: false, weightInitializer: nn.heNormal });
}
