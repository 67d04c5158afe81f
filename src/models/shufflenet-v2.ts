/**
 * ShuffleNet V2: Ma, Zhang, Zheng and Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018,
 * arXiv:1807.11164.
 *
 * Table 5; names are torchvision's: conv1, stage2 to stage4, conv5 and fc as in the table.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { concat } from "../ops/concat.ts";
import { slice } from "../ops/slice.ts";

export type ShuffleNetV2Width = keyof typeof table5;

export interface ShuffleNetV2Options {
  /** Channels by those of 1×, as Table 5 has them: 0.5, 1 (the default), 1.5 or 2. */
  readonly width?: ShuffleNetV2Width;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
}

export function shufflenetV2({ width = 1, classes = 1000 }: ShuffleNetV2Options = {}): nn.Layer {
  checkOneOf("shufflenetV2", "width", width, [0.5, 1, 1.5, 2]);
  const [stage2, stage3, stage4, conv5] = table5[width];
  const stage = (channels: number, count: number) =>
    nn.repeat(count, (i) => (i === 0 ? halvingUnit(channels / 2) : unit(channels / 2)));
  return nn.sequential({
    conv1: nn.convNormActivation(24, 3, { stride: 2 }),
    maxpool: nn.maxPool2d(3, { stride: 2, padding: 1 }),
    stage2: stage(stage2, 4),
    stage3: stage(stage3, 8),
    stage4: stage(stage4, 4),
    conv5: nn.convNormActivation(conv5, 1),
    avgpool: nn.globalAvgPool2d(),
    fc: nn.linear(classes),
  });
}

// biome-ignore format: columns are those of Table 5
const table5 = {
  // Stage2, Stage3, Stage4, Conv5
  0.5: [ 48,  96, 192, 1024],
  1:   [116, 232, 464, 1024],
  1.5: [176, 352, 704, 1024],
  2:   [244, 488, 976, 2048],
} as const;

/** Figure 3(c): half of the channels stays, the other is convolved. */
function unit(half: number): nn.Layer {
  const convolved = branch2(half, 1);
  const shuffle = nn.channelShuffle(2);
  return (x, scope) => {
    const kept = slice({ x }, { from: 0, length: half });
    const y = scope.child("branch2", convolved, slice({ x }, { from: half, length: half }));
    return shuffle(concat({ 0: kept, 1: y }, {}), scope);
  };
}

/** Figure 3(d): both branches see all channels and halve the size. */
function halvingUnit(half: number): nn.Layer {
  const branch1 = nn.sequential([
    depthwise(2),
    nn.batchNorm2d(),
    pointwise(half),
    nn.batchNorm2d(),
    nn.relu(),
  ]);
  const both = nn.branches({ branch1, branch2: branch2(half, 2) });
  const shuffle = nn.channelShuffle(2);
  return (x, scope) => shuffle(both(x, scope), scope);
}

function branch2(half: number, stride: number): nn.Layer {
  return nn.sequential([
    pointwise(half),
    nn.batchNorm2d(),
    nn.relu(),
    depthwise(stride),
    nn.batchNorm2d(),
    pointwise(half),
    nn.batchNorm2d(),
    nn.relu(),
  ]);
}

function depthwise(stride: number): nn.Layer {
  return nn.depthwiseConv2d(3, { stride, padding: 1, bias: false, weightInitializer: nn.heNormal });
}

function pointwise(channels: number): nn.Layer {
  return nn.conv2d(channels, 1, { bias: false, weightInitializer: nn.heNormal });
}
