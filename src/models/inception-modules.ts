/**
 * What Inception v2 to v4, the Inception-ResNets and PolyNet share: convolutions with batch norm, paths side by side, and the
 * figures that more than one of the networks has.
 *
 *   v3   Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception Architecture for Computer Vision", 2015,
 *        arXiv:1512.00567.
 *   v4   Szegedy, Ioffe, Vanhoucke and Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
 *        Learning", 2016, arXiv:1602.07261. Figures and tables named below are this paper's.
 */

import * as nn from "../nn/index.ts";
import { concat } from "../ops/concat.ts";
import type { Pair } from "../ops/window.ts";

export interface UnitOptions extends nn.Conv2dOptions {
  /** Of the batch norm. Default 1e-3, as the authors' code. */
  readonly epsilon?: number;
  /** Whether a ReLU follows. Default true. */
  readonly relu?: boolean;
}

/** A convolution without bias, its batch norm and a ReLU: parts "conv", "bn" and "relu". */
export function unit(channels: number, kernel: Pair, options: UnitOptions = {}): nn.Layer {
  const { epsilon = 1e-3, relu = true, ...convolution } = options;
  return nn.sequential({
    conv: nn.conv2d(channels, kernel, { bias: false, weightInitializer: nn.heNormal, ...convolution }),
    bn: nn.batchNorm2d({ epsilon }),
    ...(relu ? { relu: nn.relu() } : {}),
  });
}

/** A unit of 1 × n that keeps the size. */
export function row(channels: number, n: number): nn.Layer {
  return unit(channels, [1, n], { padding: [0, (n - 1) / 2] });
}

/** A unit of n × 1 that keeps the size. */
export function column(channels: number, n: number): nn.Layer {
  return unit(channels, [n, 1], { padding: [(n - 1) / 2, 0] });
}

/** Applies each path to x and joins their channels. The names of all paths' parts are in the module itself. */
export function joined(...paths: readonly nn.Layer[]): nn.Layer {
  return (x, scope) => concat({ ...paths.map((each) => each(x, scope)) }, {});
}

/** 1×3 and 3×1 side by side, named after `name` with a and b: the expanded filter banks of v3's figure 7 and of Inception-C. */
export function expanded(name: string, channels: number): nn.Layer {
  return joined(
    nn.sequential({ [`${name}a`]: row(channels, 3) }),
    nn.sequential({ [`${name}b`]: column(channels, 3) }),
  );
}

/**
 * A box of the figures: a convolution of so many channels with batch norm and ReLU, or 3×3 pooling, average pooling at stride 1
 * and of places on the image alone, max pooling at stride 2. "V" is without padding, as the figures have it; else size stays.
 */
export type Step =
  | readonly [channels: number, kernel: Pair, form?: "V" | "stride 2 V"]
  | "average pool"
  | "max pool";

/** Boxes from the input up. */
export type Path = readonly Step[];

/** The layers of a path, named "0", "1", …; a single layer without a number, as the reference checkpoints have it. */
export function path(steps: Path, options: UnitOptions = {}): nn.Layer {
  const layers = steps.map((step) => layerOf(step, options));
  return layers.length === 1 ? layers[0] : nn.sequential(layers);
}

/** The layers of some steps by their names. */
export function named(names: readonly string[], steps: Path): Readonly<Record<string, nn.Layer>> {
  return Object.fromEntries(names.map((name, i) => [name, layerOf(steps[i], {})]));
}

/** Paths side by side, named after `name`: branch0, branch1, …. */
export function paths(name: string, all: readonly Path[], options: UnitOptions = {}): nn.Layer {
  return nn.branches(Object.fromEntries(all.map((each, i) => [`${name}${i}`, path(each, options)])));
}

function layerOf(step: Step, options: UnitOptions): nn.Layer {
  if (step === "max pool") return nn.maxPool2d(3, { stride: 2 });
  if (step === "average pool") return nn.avgPool2d(3, { stride: 1, padding: 1, countIncludePad: false });
  const [channels, kernel, form] = step;
  const sliding = {
    stride: form === "stride 2 V" ? 2 : 1,
    padding: form === undefined ? "same" : "valid",
  } as const;
  return unit(channels, kernel, { ...options, ...sliding });
}

/** First layers of Inception v3 and of the Inception-ResNets (figure 14): 299×299 become 71×71. */
export const firstSteps: Path = [
  [32, 3, "stride 2 V"],
  [32, 3, "V"],
  [64, 3],
  "max pool",
  [80, 1],
  [192, 3, "V"],
];

/** Figure 3, the stem of Inception v4 and PolyNet: parts between its three joints, from the input up. */
export const figure3 = {
  first: [
    [32, 3, "stride 2 V"],
    [32, 3, "V"],
    [64, 3],
  ],
  half: [96, 3, "stride 2 V"],
  short: [
    [64, 1],
    [96, 3, "V"],
  ],
  long: [
    [64, 1],
    [64, [7, 1]],
    [64, [1, 7]],
    [96, 3, "V"],
  ],
  last: [192, 3, "stride 2 V"],
} as const;

// biome-ignore format: rows and columns are those of Table 1
const table1 = {
  //                        k    l    m    n
  "Inception-v4":        [192, 224, 256, 384],
  "Inception-ResNet-v1": [192, 192, 256, 384],
  "Inception-ResNet-v2": [256, 256, 384, 384],
} as const;

/** Figure 7, Reduction-A, from 35×35 to 17×17, with the filters of Table 1. */
export function reductionA(network: keyof typeof table1): readonly Path[] {
  const [k, l, m, n] = table1[network];
  return [
    [[n, 3, "stride 2 V"]],
    [
      [k, 1],
      [l, 3],
      [m, 3, "stride 2 V"],
    ],
    ["max pool"],
  ];
}

interface ResidualPaths {
  readonly a: readonly Path[];
  readonly b: readonly Path[];
  readonly c: readonly Path[];
  readonly reductionB: readonly Path[];
}

/** Paths before the last 1×1 of the blocks A, B and C, figures 10, 11 and 13 or 16, 17 and 19; Reduction-B, figures 12 and 18. */
// biome-ignore format: one path a line
export const residualPaths: Readonly<Record<"Inception-ResNet-v1" | "Inception-ResNet-v2", ResidualPaths>> = {
  "Inception-ResNet-v1": {
    a: [
      [[32, 1]],
      [[32, 1], [32, 3]],
      [[32, 1], [32, 3], [32, 3]],
    ],
    b: [
      [[128, 1]],
      [[128, 1], [128, [1, 7]], [128, [7, 1]]],
    ],
    c: [
      [[192, 1]],
      [[192, 1], [192, [1, 3]], [192, [3, 1]]],
    ],
    reductionB: [
      [[256, 1], [384, 3, "stride 2 V"]],
      [[256, 1], [256, 3, "stride 2 V"]],
      [[256, 1], [256, 3], [256, 3, "stride 2 V"]],
      ["max pool"],
    ],
  },
  "Inception-ResNet-v2": {
    a: [
      [[32, 1]],
      [[32, 1], [32, 3]],
      [[32, 1], [48, 3], [64, 3]],
    ],
    b: [
      [[192, 1]],
      [[128, 1], [160, [1, 7]], [192, [7, 1]]],
    ],
    c: [
      [[192, 1]],
      [[192, 1], [224, [1, 3]], [256, [3, 1]]],
    ],
    reductionB: [
      [[256, 1], [384, 3, "stride 2 V"]],
      [[256, 1], [288, 3, "stride 2 V"]],
      [[256, 1], [288, 3], [320, 3, "stride 2 V"]],
      ["max pool"],
    ],
  },
};
