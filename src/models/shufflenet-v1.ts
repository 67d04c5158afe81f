/**
 * ShuffleNet: Zhang, Zhou, Lin and Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
 * 2017, arXiv:1707.01083.
 *
 * Table 1; names are those of pytorchcv's shufflenet_g3_w1: features.stage1 to features.stage3 are Stage2 to Stage4. Variant
 * "megvii" is what the authors released later (ShuffleNetV1 of megvii-model/ShuffleNet-Series), with names of its own and
 * weights for 3 and 8 groups. It shuffles after the depthwise convolution and the other way round, has its pooled channels
 * first and outside the last ReLU where the size halves, and no biases in the last layer.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkAboveZero, checkOneOf } from "../nn/options.ts";
import { concat } from "../ops/concat.ts";
import { OptionError } from "../tensor/errors.ts";

export type ShuffleNetGroups = keyof typeof table1;

export interface ShuffleNetV1Options {
  /** The paper's g, groups of the 1×1 convolutions: 1, 2, 3 (the default), 4 or 8. */
  readonly groups?: ShuffleNetGroups;
  /** The paper's s, channels by those of Table 1. Default 1; with "megvii" 0.5, 1, 1.5 or 2. */
  readonly width?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** "paper" (the default), or "megvii", the authors' later release. */
  readonly variant?: "paper" | "megvii";
}

export function shufflenetV1(options: ShuffleNetV1Options = {}): nn.Layer {
  const { groups = 3, width = 1, classes = 1000, variant = "paper" } = options;
  checkOneOf("shufflenetV1", "groups", groups, Object.keys(table1).map(Number) as ShuffleNetGroups[]);
  checkAboveZero("shufflenetV1", "width", width);
  checkOneOf("shufflenetV1", "variant", variant, ["paper", "megvii"]);
  const first = variant === "paper" ? Math.floor(24 * width) : firstOfMegvii(groups, width);
  const stages = [1, 2, 4].map((times) => Math.floor(times * table1[groups] * width));
  checkDivided(groups, width, [first, ...stages]);
  const make = variant === "paper" ? paperUnit : megviiUnit;
  const units = stages.map((channels, stage) =>
    Array.from({ length: repeats[stage] }, (_, i) =>
      // Section 3.2: the very first 1×1 has few channels in, and no groups.
      make({ channels, groups, firstGroups: stage + i === 0 ? 1 : groups, stride: i === 0 ? 2 : 1 }),
    ),
  );
  const [conv, bn, activ] = [
    nn.conv2d(first, 3, { stride: 2, padding: 1, ...initial }),
    nn.batchNorm2d(),
    nn.relu(),
  ];
  const pool = nn.maxPool2d(3, { stride: 2, padding: 1 });
  if (variant === "megvii")
    return nn.sequential({
      first_conv: nn.sequential([conv, bn, activ]),
      maxpool: pool,
      features: nn.sequential(units.flat()),
      globalpool: nn.globalAvgPool2d(),
      classifier: nn.sequential([nn.linear(classes, { bias: false, weightInitializer: nn.normal(0.01) })]),
    });
  const numbered = (layers: readonly nn.Layer[]) =>
    nn.sequential(Object.fromEntries(layers.map((layer, i) => [`unit${i + 1}`, layer])));
  return nn.sequential({
    features: nn.sequential({
      init_block: nn.sequential({ conv, bn, activ, pool }),
      ...Object.fromEntries(units.map((layers, stage) => [`stage${stage + 1}`, numbered(layers)])),
      final_pool: nn.globalAvgPool2d(),
    }),
    output: nn.linear(classes),
  });
}

/** Table 1: channels of Stage2 for each number of groups; Stage3 and Stage4 have twice and four times as many. */
const table1 = { 1: 144, 2: 200, 3: 240, 4: 272, 8: 384 } as const;

/** Table 1: units of each stage, the first of which halves the size. */
const repeats = [4, 8, 4] as const;

/** Channels of the first convolution in the authors' release, by its width: they do not scale with it. */
const megvii: Readonly<Record<number, { readonly 3: number; readonly 8: number }>> = {
  0.5: { 3: 12, 8: 16 },
  1: { 3: 24, 8: 24 },
  1.5: { 3: 24, 8: 24 },
  2: { 3: 48, 8: 48 },
};

function firstOfMegvii(groups: ShuffleNetGroups, width: number): number {
  if (groups !== 3 && groups !== 8)
    throw new OptionError(`shufflenetV1: groups is ${groups}, but must be 3 or 8 in the variant "megvii".`, {
      groups,
    });
  checkOneOf("shufflenetV1", "width", width, [0.5, 1, 1.5, 2]);
  return megvii[width][groups];
}

/** Throws unless `groups` divide what each stage's units convolve: a quarter of its channels, and those it adds. */
function checkDivided(groups: number, width: number, channels: readonly number[]): void {
  for (const [stage, out] of channels.entries()) {
    if (stage === 0) continue;
    const convolved = [Math.floor(out / 4), out, out - channels[stage - 1]];
    if (convolved.every((each) => each > 0 && each % groups === 0)) continue;
    throw new OptionError(
      `shufflenetV1: width is ${width}, which makes Stage${stage + 1} ${out} channels after ${channels[stage - 1]}: its units ` +
        `convolve ${convolved.join(", ")} channels, and ${groups} groups do not divide them all. Give another width or ` +
        "other groups: with one group every width goes.",
      { width, groups, channels },
    );
  }
}

interface UnitOptions {
  /** Channels out. */
  readonly channels: number;
  readonly groups: number;
  /** Groups of the first 1×1 convolution. */
  readonly firstGroups: number;
  readonly stride: 1 | 2;
}

/** Figure 2(b), and (c) where the size halves. */
function paperUnit({ channels, groups, firstGroups, stride }: UnitOptions): nn.Layer {
  const width = Math.floor(channels / 4);
  const body = (out: number) =>
    nn.sequential({
      compress_conv1: pointwise(width, firstGroups),
      compress_bn1: nn.batchNorm2d(),
      activ: nn.relu(),
      c_shuffle: nn.channelShuffle(groups),
      dw_conv2: depthwise(stride),
      dw_bn2: nn.batchNorm2d(),
      expand_conv3: pointwise(out, groups),
      expand_bn3: nn.batchNorm2d(),
    });
  if (stride === 1) return nn.residual(body(channels), nn.identity(), { after: nn.relu() });
  return (x, scope) => {
    const y = body(channels - x.shape[3])(x, scope);
    return nn.relu()(concat({ 0: y, 1: pooled(x, scope) }, {}), scope);
  };
}

function megviiUnit({ channels, groups, firstGroups, stride }: UnitOptions): nn.Layer {
  const width = Math.floor(channels / 4);
  const body = (out: number) =>
    nn.sequential({
      branch_main_1: nn.sequential([
        pointwise(width, firstGroups),
        nn.batchNorm2d(),
        nn.relu(),
        depthwise(stride),
        nn.batchNorm2d(),
      ]),
      channel_shuffle: nn.channelShuffle(width / groups),
      branch_main_2: nn.sequential([pointwise(out, groups), nn.batchNorm2d()]),
    });
  if (stride === 1) return nn.residual(body(channels), nn.identity(), { after: nn.relu() });
  return (x, scope) => {
    const y = nn.relu()(body(channels - x.shape[3])(x, scope), scope);
    return concat({ 0: pooled(x, scope), 1: y }, {});
  };
}

const pooled = nn.avgPool2d(3, { stride: 2, padding: 1 });
const initial = { bias: false, weightInitializer: nn.heNormal };

function depthwise(stride: number): nn.Layer {
  return nn.depthwiseConv2d(3, { stride, padding: 1, ...initial });
}

function pointwise(channels: number, groups: number): nn.Layer {
  return nn.conv2d(channels, 1, { groups, ...initial });
}
