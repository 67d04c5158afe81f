/**
 * What networks of pre-activated residual units share: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks",
 * 2016, arXiv:1603.05027, figures 1(b) and 4(e): norm and ReLU come before each convolution, and nothing comes after the sum.
 * Names are pytorchcv's.
 */

import * as nn from "../nn/index.ts";
import { add } from "../ops/add.ts";
import { type BottleneckVariant, convolution } from "./residual-network.ts";

export interface PreactNetworkOptions {
  /** Units of each stage. */
  readonly counts: readonly number[];
  /** Width of the first stage; each stage has twice that of the one before, and all but the first halve the size. */
  readonly width: number;
  /** The first layers. */
  readonly first: nn.Layer;
  readonly unit: (width: number, stride: number) => nn.Layer;
  /** Whether the last unit is followed by norm and ReLU. Default true. */
  readonly lastNorm?: boolean;
  readonly classes: number;
}

/** First layers, stages of units, norm and ReLU, global pooling, a linear layer. */
export function preactNetwork(options: PreactNetworkOptions): nn.Layer {
  const { counts, width, first, unit, lastNorm = true, classes } = options;
  const stages = counts.map((count, stage) => {
    const units = Array.from({ length: count }, (_, i) => [
      `unit${i + 1}`,
      unit(width * 2 ** stage, stage > 0 && i === 0 ? 2 : 1),
    ]);
    return [`stage${stage + 1}`, nn.sequential(Object.fromEntries(units))];
  });
  return nn.sequential({
    features: nn.sequential({
      init_block: first,
      ...Object.fromEntries(stages),
      ...(lastNorm ? { post_activ: nn.sequential(activation()) } : {}),
      final_pool: nn.globalAvgPool2d(),
    }),
    output: nn.linear(classes),
  });
}

export interface PreactUnitOptions {
  /** Two 3×3 convolutions, or 1×1, 3×3 and 1×1. */
  readonly block: "basic" | "bottleneck";
  /** Channels of a basic unit and inside a bottleneck, which gives four times as many. */
  readonly width: number;
  readonly stride: number;
  /** Where a bottleneck strides. Default "v1.5". */
  readonly variant?: BottleneckVariant;
  /** Part of what comes to the second convolution that training leaves out. Default 0. */
  readonly dropout?: number;
}

/**
 * A unit. Where size or channels change, its shortcut is a 1×1 convolution of what the first norm and ReLU give: both branches share
 * them, as in the authors' code.
 */
export function preactUnit(options: PreactUnitOptions): nn.Layer {
  const { block, width, stride, variant = "v1.5", dropout = 0 } = options;
  const channels = block === "basic" ? width : 4 * width;
  const [one, three] = variant === "v1" ? [stride, 1] : [1, stride];
  const [conv1, conv2, ...others] =
    block === "basic"
      ? [convolution(width, 3, { stride, padding: 1 }), convolution(width, 3, { padding: 1 })]
      : [
          convolution(width, 1, { stride: one }),
          convolution(width, 3, { stride: three, padding: 1 }),
          convolution(channels, 1),
        ];
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

function activation(): Readonly<Record<string, nn.Layer>> {
  return { bn: nn.batchNorm2d(), activ: nn.relu() };
}
