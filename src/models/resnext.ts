/**
 * ResNeXt: Xie, Girshick, Dollár, Tu and He, "Aggregated Residual Transformations for Deep Neural Networks", 2016,
 * arXiv:1611.05431.
 *
 * Table 1's template 32×4d: the 3×3 convolution of a bottleneck has 32 groups of 4 channels in conv2_x, twice as many channels
 * a stage from there on, and strides. Form (c) of figure 3; forms (a) and (b) are equal to it. Table 1 has 25.0 million
 * parameters and 4.2 billion multiply-adds for 50 layers. Names are torchvision's; layer1 to layer4 are conv2 to conv5.
 *
 * For CIFAR (section 5.3), 29 layers: a 3×3 convolution, three stages of three blocks whose widths are those of conv2_x to conv4_x:
 * 34.4 million parameters for 8×64d and 68.1 for 16×64d (Table 7).
 *
 * Input [n, 224, 224, 3] or [n, 32, 32, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import { bottleneckBody, residualNetwork, shortcutTo } from "./residual-network.ts";

export interface ResNeXtOptions {
  /** Weighted layers: 50 (the default) or 101. */
  readonly depth?: keyof typeof depths;
  /** Groups of the 3×3 convolutions. Default 32. */
  readonly cardinality?: number;
  /** Channels of each group in conv2_x. Default 4. */
  readonly bottleneckWidth?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
}

const depths = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3] } as const;

export function resnext(options: ResNeXtOptions = {}): nn.Layer {
  const { depth = 50, cardinality = 32, bottleneckWidth = 4, classes = 1000 } = options;
  checkOneOf("resnext", "depth", depth, [50, 101]);
  checkWhole("resnext", "cardinality", cardinality);
  checkWhole("resnext", "bottleneckWidth", bottleneckWidth);
  return residualNetwork({
    counts: depths[depth],
    block: (width, stride) => block(cardinality, bottleneckWidth, width, stride),
    head: { fc: nn.linear(classes) },
  });
}

export interface CifarResNeXtOptions {
  /** Weighted layers, 9n + 2: 29 (the default) in the paper. */
  readonly depth?: number;
  /** Groups of the 3×3 convolutions. Default 8; the paper also has 16. */
  readonly cardinality?: number;
  /** Channels of each group in the first stage. Default 64. */
  readonly bottleneckWidth?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function cifarResNeXt(options: CifarResNeXtOptions = {}): nn.Layer {
  const { depth = 29, cardinality = 8, bottleneckWidth = 64, classes = 10 } = options;
  checkWhole("cifarResNeXt", "cardinality", cardinality);
  checkWhole("cifarResNeXt", "bottleneckWidth", bottleneckWidth);
  const n = (depth - 2) / 9;
  if (!Number.isInteger(n) || n < 1)
    throw new OptionError(`cifarResNeXt: depth is ${depth}, but must be 9n + 2, such as 20 or 29.`, {
      depth,
    });
  return residualNetwork({
    counts: [n, n, n],
    stem: "cifar",
    block: (width, stride) => block(cardinality, bottleneckWidth, width, stride),
    head: { fc: nn.linear(classes) },
  });
}

/** Form (c) of figure 3; `width` is 64 in the first stage, which gives 256 channels. */
function block(cardinality: number, bottleneckWidth: number, width: number, stride: number): nn.Layer {
  const inner = cardinality * bottleneckWidth * (width / 64);
  const body = bottleneckBody({ width: inner, channels: 4 * width, stride, groups: cardinality });
  return nn.residual(body, shortcutTo(4 * width, stride), { after: nn.relu() });
}
