/**
 * What networks of pre-activated residual units share: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks",
 * 2016, arXiv:1603.05027, figures 1(b) and 4(e): norm and ReLU come before each convolution, and nothing comes after the sum.
 * Names are pytorchcv's.
 */

import * as nn from "../nn/index.ts";
import { add } from "../ops/add.ts";
import { type BottleneckVariant, convolution } from "./residual-network.ts";

export interface PreactNetworkOptions {
  /** The first layers. */
  readonly first: nn.Layer;
  /** The units of each stage. */
  readonly stages: readonly (readonly nn.Layer[])[];
  /** Whether the last unit is followed by norm and ReLU. Default true. */
  readonly lastNorm?: boolean;
  readonly classes: number;
}

/** First layers, stages of units, norm and ReLU, global pooling, a linear layer. */
export function preactNetwork({ first, stages, lastNorm = true, classes }: PreactNetworkOptions): nn.Layer {
  const named = stages.map((units, stage) => {
    const layers = Object.fromEntries(units.map((unit, i) => [`unit${i + 1}`, unit]));
    return [`stage${stage + 1}`, nn.sequential(layers)];
  });
  return nn.sequential({
    features: nn.sequential({
      init_block: first,
      ...Object.fromEntries(named),
      ...(lastNorm ? { post_activ: nn.sequential(activation()) } : {}),
      final_pool: nn.globalAvgPool2d(),
    }),
    output: nn.linear(classes),
  });
}

/**
 * Stages of `counts` units whose width doubles from stage to stage, beginning with `width`; the first unit of each but the first
 * stage halves the size.
 */
export function doublingStages(
  counts: readonly number[],
  width: number,
  unit: (width: number, stride: number) => nn.Layer,
): readonly (readonly nn.Layer[])[] {
  return counts.map((count, stage) =>
    Array.from({ length: count }, (_, i) => unit(width * 2 ** stage, stage > 0 && i === 0 ? 2 : 1)),
  );
}

export interface UnitOptions {
  /** Two 3×3 convolutions, or 1×1, 3×3 and 1×1. */
  readonly block: "basic" | "bottleneck";
  /** Channels of a basic unit and inside a bottleneck, which gives four times as many. */
  readonly width: number;
  readonly stride: number;
  /** Where a bottleneck strides. Default "v1.5". */
  readonly variant?: BottleneckVariant;
}

/** The convolutions of a unit in turn, and the channels it gives. */
export function unitConvolutions({ block, width, stride, variant = "v1.5" }: UnitOptions): {
  readonly convolutions: readonly nn.Layer[];
  readonly channels: number;
} {
  if (block === "basic") {
    const convolutions = [
      convolution(width, 3, { stride, padding: 1 }),
      convolution(width, 3, { padding: 1 }),
    ];
    return { convolutions, channels: width };
  }
  const [first, second] = variant === "v1" ? [stride, 1] : [1, stride];
  const channels = 4 * width;
  const convolutions = [
    convolution(width, 1, { stride: first }),
    convolution(width, 3, { stride: second, padding: 1 }),
    convolution(channels, 1),
  ];
  return { convolutions, channels };
}

export interface PreactUnitOptions extends UnitOptions {
  /** Part of what comes to the second convolution that training leaves out. Default 0. */
  readonly dropout?: number;
}

/**
 * A unit. Where size or channels change, its shortcut is a 1×1 convolution of what the first norm and ReLU give: both branches share
 * them, as in the authors' code.
 */
export function preactUnit(options: PreactUnitOptions): nn.Layer {
  const { stride, dropout = 0 } = options;
  const { convolutions, channels } = unitConvolutions(options);
  const [conv1, conv2, ...others] = convolutions;
  const before = nn.sequential(activation());
  const rest = others.map((conv, i) => [`conv${i + 3}`, nn.sequential({ ...activation(), conv })]);
  const body = nn.sequential({
    conv1: nn.sequential({ conv: conv1 }),
    conv2: nn.sequential({ ...activation(), dropout: nn.dropout(dropout), conv: conv2 }),
    ...Object.fromEntries(rest),
  });
  const projection = convolution(channels, 1, { stride });
  return (x, scope) => {
    const active = scope.child("body.conv1", before, x);
    const y = scope.child("body", body, active);
    const same = stride === 1 && x.shape[3] === channels;
    return add({ a: y, b: same ? x : scope.child("identity_conv", projection, active) }, {});
  };
}

/** Norm and ReLU. */
export function activation(): Readonly<Record<string, nn.Layer>> {
  return { bn: nn.batchNorm2d(), activ: nn.relu() };
}

/** ResNet's first layers: 7×7 at stride 2, norm and ReLU, 3×3 max pooling at stride 2. */
export function imagenetStem(): nn.Layer {
  return nn.sequential({
    conv: convolution(64, 7, { stride: 2, padding: 3 }),
    bn: nn.batchNorm2d(),
    activ: nn.relu(),
    pool: nn.maxPool2d(3, { stride: 2, padding: 1 }),
  });
}
