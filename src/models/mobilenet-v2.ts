/**
 * MobileNetV2: Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018,
 * arXiv:1801.04381.
 *
 * Table 2; names are torchvision's: features.0 is the first convolution, features.1 to features.17 are the bottlenecks, a number
 * each, features.18 is the last convolution. The paper has 300 million multiply-adds and 3.4 million parameters at width 1.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkAboveZero } from "../nn/options.ts";

export interface MobileNetV2Options {
  /** Channels by those of Table 2: 1 (the default), 1.4, 0.75, 0.5 and 0.35 in the paper. The last layers never shrink. */
  readonly width?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the pooled values that training leaves out. Default 0.2, as torchvision. */
  readonly dropout?: number;
}

export function mobilenetV2(options: MobileNetV2Options = {}): nn.Layer {
  const { width = 1, classes = 1000, dropout = 0.2 } = options;
  checkAboveZero("mobilenetV2", "width", width);
  const activation = nn.relu6();
  return nn.sequential({
    features: nn.sequential([
      nn.convNormActivation(nn.scaledChannels(32, width), 3, { stride: 2, activation }),
      ...table2.flatMap(([t, c, n, s]) =>
        Array.from({ length: n }, (_, i) =>
          nn.invertedResidual({ times: t }, nn.scaledChannels(c, width), {
            stride: i === 0 ? s : 1,
            arrange: named,
          }),
        ),
      ),
      nn.convNormActivation(nn.scaledChannels(1280, Math.max(1, width)), 1, { activation }),
    ]),
    avgpool: nn.globalAvgPool2d(),
    classifier: nn.sequential([
      nn.dropout(dropout),
      nn.linear(classes, { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros }),
    ]),
  });
}

// biome-ignore format: rows and columns are those of Table 2
const table2 = [
  // t    c  n  s: expansion, channels, blocks, stride of the first
  [ 1,  16, 1, 1],
  [ 6,  24, 2, 2],
  [ 6,  32, 3, 2],
  [ 6,  64, 4, 2],
  [ 6,  96, 3, 1],
  [ 6, 160, 3, 2],
  [ 6, 320, 1, 1],
] as const;

/** conv.0.0, conv.0.1, … for convolutions with an activation; the last convolution and its norm are conv.2 and conv.3. */
function named(parts: readonly nn.InvertedResidualPart[]): nn.Layer {
  const layers = parts.map((part) => (typeof part === "function" ? [part] : part));
  const activated = layers.slice(0, -1).map((part) => nn.sequential(part));
  return nn.sequential({ conv: nn.sequential([...activated, ...layers[layers.length - 1]]) });
}
