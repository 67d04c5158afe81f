/**
 * MnasNet-B1: Tan, Chen, Pang, Vasudevan, Sandler, Howard and Le, "MnasNet: Platform-Aware Neural Architecture Search for
 * Mobile", 2018, arXiv:1807.11626.
 *
 * The network that the search found without squeeze and excitation, in Table 1 with 4.4 million parameters and 315 million
 * multiply-adds. Names are torchvision's: layers.0 to layers.7 are the first two layers, layers.8 to layers.13 the stages.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkAboveZero } from "../nn/options.ts";

export interface MnasNetOptions {
  /** Channels by those of B1: 1 (the default), 0.5, 0.75 and 1.3 in torchvision. The last convolution never changes. */
  readonly width?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the pooled values that training leaves out. Default 0.2, as torchvision. */
  readonly dropout?: number;
}

export function mnasnet(options: MnasNetOptions = {}): nn.Layer {
  const { width = 1, classes = 1000, dropout = 0.2 } = options;
  checkAboveZero("mnasnet", "width", width);
  const channels = (ofTable: number) => nn.scaledChannels(ofTable, width);
  // TensorFlow's momentum of 0.9997.
  const norm = nn.batchNorm2d({ momentum: 1 - 0.9997 });
  const initial = { bias: false, weightInitializer: nn.heNormal };
  return nn.sequential({
    layers: nn.sequential([
      nn.conv2d(channels(32), 3, { stride: 2, padding: 1, ...initial }),
      norm,
      nn.relu(),
      nn.depthwiseConv2d(3, { padding: 1, ...initial }),
      norm,
      nn.relu(),
      nn.conv2d(channels(16), 1, initial),
      norm,
      ...stages.map(([times, kernel, out, count, stride]) =>
        nn.repeat(count, (i) =>
          nn.invertedResidual({ times }, channels(out), {
            ...{ kernel, stride: i === 0 ? stride : 1, activation: nn.relu(), norm },
            arrange: flat,
          }),
        ),
      ),
      nn.conv2d(1280, 1, initial),
      norm,
      nn.relu(),
    ]),
    avgpool: nn.globalAvgPool2d(),
    classifier: nn.sequential([nn.dropout(dropout), nn.linear(classes, { biasInitializer: nn.zeros })]),
  });
}

// biome-ignore format: a row a stage
const stages = [
  // expansion, kernel, channels, blocks, stride of the first
  [3, 3,  24, 3, 2],
  [3, 5,  40, 3, 2],
  [6, 5,  80, 3, 2],
  [6, 3,  96, 2, 1],
  [6, 5, 192, 4, 2],
  [6, 3, 320, 1, 1],
] as const;

/** layers.0, layers.1, …: convolutions, norms and activations counted through. */
function flat(parts: readonly nn.InvertedResidualPart[]): nn.Layer {
  return nn.sequential({ layers: nn.sequential(parts.flat()) });
}
