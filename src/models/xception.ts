/**
 * Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016, arXiv:1610.02357.
 *
 * Figure 5: block1 to block3 are the entry flow, block4 to block11 the middle flow, block12, conv3 and conv4 the exit flow. Names
 * are those of the weights converted from Keras (Cadene's pretrained-models.pytorch), with its epsilon of 1e-5 where Keras has
 * 1e-3. 22,855,952 parameters, as in the paper's Table 3; Keras counts 22,910,480 with the running statistics.
 *
 * Input [n, 299, 299, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";

export interface XceptionOptions {
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.5, the paper's section 4.3. */
  readonly dropout?: number;
}

export function xception({ classes = 1000, dropout = 0.5 }: XceptionOptions = {}): nn.Layer {
  return nn.sequential({
    conv1: nn.conv2d(32, 3, { stride: 2, bias: false }),
    bn1: nn.batchNorm2d(),
    relu1: nn.relu(),
    conv2: nn.conv2d(64, 3, { bias: false }),
    bn2: nn.batchNorm2d(),
    relu2: nn.relu(),
    ...Object.fromEntries(figure5.map((channels, i) => [`block${i + 1}`, block(channels, i === 0)])),
    conv3: separable(1536),
    bn3: nn.batchNorm2d(),
    relu3: nn.relu(),
    conv4: separable(2048),
    bn4: nn.batchNorm2d(),
    relu4: nn.relu(),
    avgpool: nn.globalAvgPool2d(),
    dropout: nn.dropout(dropout),
    last_linear: nn.linear(classes),
  });
}

/** Channels of the separable convolutions of block1 to block12. Blocks of two halve the size. */
const figure5: readonly (readonly number[])[] = [
  [128, 128],
  [256, 256],
  [728, 728],
  ...Array.from({ length: 8 }, () => [728, 728, 728]),
  [728, 1024],
];

/** Separable convolutions with a ReLU before each, but the first of the network, and a shortcut around them. */
function block(channels: readonly number[], isFirst: boolean): nn.Layer {
  const halves = channels.length === 2;
  const units = channels.flatMap((each) => [nn.relu(), separable(each), nn.batchNorm2d()]);
  const body = nn.sequential({
    rep: nn.sequential([
      ...units.slice(isFirst ? 1 : 0),
      ...(halves ? [nn.maxPool2d(3, { stride: 2, padding: 1 })] : []),
    ]),
  });
  const last = channels[channels.length - 1];
  const shortcut = nn.sequential({
    skip: nn.conv2d(last, 1, { stride: 2, bias: false }),
    skipbn: nn.batchNorm2d(),
  });
  // The shortcut is the first of the two terms, so that parameters are declared in the order of the reference.
  return nn.residual(halves ? shortcut : nn.identity(), body);
}

/** Each channel by itself, then all of them at each place, without an activation in between (the paper's section 4.7). */
function separable(channels: number): nn.Layer {
  return nn.sequential({
    conv1: nn.depthwiseConv2d(3, { padding: 1, bias: false }),
    pointwise: nn.conv2d(channels, 1, { bias: false }),
  });
}
