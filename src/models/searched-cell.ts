/**
 * Cells that a search has found, as data: each row adds two operations, and what the cell gives is a list of sums and inputs side
 * by side. NASNet and PNASNet are made of them.
 */

import * as nn from "../nn/index.ts";
import { add } from "../ops/add.ts";
import { concat } from "../ops/concat.ts";
import type { Tensor } from "../ops/operation.ts";
import { pad, slice } from "../ops/slice.ts";
import { subsample } from "../ops/subsample.ts";

/** Two separable convolutions with a ReLU before and a batch norm after each, pooling, or nothing. */
export type CellOperation = "sep3x3" | "sep5x5" | "sep7x7" | "max3x3" | "avg3x3" | "identity";
/** What the cell before gives, what the one before that gives, or the sum of an earlier row. */
export type CellOperand = "h" | "hPrev" | number;
/** left(operand) + right(operand). */
export type CellRow = readonly [left: CellOperation, of: CellOperand, right: CellOperation, of: CellOperand];

export interface SearchedCell {
  readonly rows: readonly CellRow[];
  /** What is joined along the channels. */
  readonly joined: readonly CellOperand[];
}

export interface CellInputs {
  readonly h: Tensor;
  readonly hPrev: Tensor;
}

export interface SearchedCellOptions {
  /** Of each sum. */
  readonly channels: number;
  /** Brings the inputs to `channels` and to one size. */
  readonly squeeze: nn.Layer<CellInputs, CellInputs>;
  /** Of operations on h and hPrev; those on sums have 1. Default 1. */
  readonly stride?: 1 | 2;
  /** Zeros around maps that are halved: "same", or as many on all sides ("even"). Default "same". */
  readonly padding?: "same" | "even";
  /** Applied to what every operation but "identity" gives: drop path. Default: nothing. */
  readonly drop?: nn.Layer;
}

/** A cell as a layer. Operations are named by their rows, comb_iter_0_left and so on. */
export function searchedCell(
  { rows, joined }: SearchedCell,
  options: SearchedCellOptions,
): nn.Layer<Tensor, CellInputs> {
  const { channels, squeeze, stride = 1, padding = "same", drop = nn.identity() } = options;
  return (given, scope) => {
    const inputs = squeeze(given, scope);
    const sums: Tensor[] = [];
    const of = (operand: CellOperand) => (typeof operand === "number" ? sums[operand] : inputs[operand]);
    const side = (name: string, operation: CellOperation, operand: CellOperand) => {
      const step = typeof operand === "number" ? 1 : stride;
      if (operation === "identity" && step === 1) return of(operand);
      const layer = operationLayer(operation, { channels, stride: step, padding });
      return drop(scope.child(name, layer, of(operand)), scope);
    };
    for (const [i, [left, a, right, b]] of rows.entries())
      sums.push(
        add({ a: side(`comb_iter_${i}_left`, left, a), b: side(`comb_iter_${i}_right`, right, b) }, {}),
      );
    return concat({ ...joined.map(of) }, {});
  };
}

/** Of the first cell, which has but one input: h through a 1×1 convolution, and as it is for hPrev. */
export function squeezeOne(channels: number): nn.Layer<CellInputs, CellInputs> {
  return ({ h, hPrev }, scope) => ({ h: scope.child("conv_1x1", project(channels), h), hPrev });
}

/**
 * Both inputs through a 1×1 convolution, hPrev through two where its maps are larger. Those two are named in the cell itself,
 * after what h goes through (NASNet), or under "conv_prev_1x1" before it (PNASNet).
 */
export function squeezeBoth(
  channels: number,
  halved: "cell" | "conv_prev_1x1",
): nn.Layer<CellInputs, CellInputs> {
  return ({ h, hPrev }, scope) => {
    const isLarger = hPrev.shape[1] > h.shape[1] || hPrev.shape[2] > h.shape[2];
    const squeezed = () => scope.child("conv_1x1", project(channels), h);
    if (isLarger && halved === "cell") return { h: squeezed(), hPrev: halve(channels)(hPrev, scope) };
    const before = scope.child("conv_prev_1x1", (isLarger ? halve : project)(channels), hPrev);
    return { h: squeezed(), hPrev: before };
  };
}

/** What comes before the cells: a 3×3 convolution at stride 2. */
export function firstLayers(channels: number): nn.Layer {
  return nn.sequential({ conv: nn.conv2d(channels, 3, { stride: 2, bias: false }), bn: norm() });
}

/** What comes after the cells. */
export function lastLayers(classes: number, dropout: number): nn.Layer {
  return nn.sequential({
    relu: nn.relu(),
    avg_pool: nn.globalAvgPool2d(),
    dropout: nn.dropout(dropout),
    last_linear: nn.linear(classes),
  });
}

/** Drops what an operation gives, for each image by itself: ScheduledDropPath where `ramp` is all steps of training. */
export function dropPathLayer(survival: number, ramp: number): nn.Layer {
  return nn.stochasticDepth(survival, { coin: "image", rescale: "training", ramp });
}

/** A ReLU, a 1×1 convolution, a batch norm. */
function project(channels: number, stride: 1 | 2 = 1): nn.Layer {
  return nn.sequential({ relu: nn.relu(), conv: convolution(channels, stride), bn: norm() });
}

/**
 * Maps of half the size without losing a pixel: every second place beside every second place one further down and right, each
 * through a 1×1 convolution to half of the channels.
 */
function halve(channels: number): nn.Layer {
  const half = Math.floor(channels / 2);
  const everySecond: nn.Layer = (x) => subsample({ x }, { stride: 2 });
  const paths = nn.inTurn(
    nn.relu(),
    nn.branches({
      path_1: nn.sequential({ avgpool: everySecond, conv: convolution(half) }),
      path_2: nn.sequential({ pad: oneFurther, avgpool: everySecond, conv: convolution(half) }),
    }),
  );
  return nn.inTurn(paths, nn.sequential({ final_path_bn: norm() }));
}

/** x one place further down and right, with zeros after the end. */
const oneFurther: nn.Layer = (x) => {
  const [, h, w] = x.shape;
  const lower = slice({ x }, { axis: 1, from: 1, length: h - 1 });
  const right = slice({ x: lower }, { axis: 2, from: 1, length: w - 1 });
  return pad({ x: right }, { before: [0, 0, 0, 0], after: [0, 1, 1, 0] });
};

type OperationOptions = Required<Pick<SearchedCellOptions, "channels" | "stride" | "padding">>;

function operationLayer(operation: CellOperation, options: OperationOptions): nn.Layer {
  const { channels, stride } = options;
  if (operation === "identity") return project(channels, stride);
  const kernel = Number(operation.at(-1));
  const padding = options.padding === "even" ? (kernel - 1) / 2 : "same";
  if (operation === "max3x3") return pooling(channels, { max_pool: nn.maxPool2d(3, { stride, padding }) });
  if (operation === "avg3x3")
    return pooling(channels, { avg_pool: nn.avgPool2d(3, { stride, padding, countIncludePad: false }) });
  return nn.sequential({
    relu: nn.relu(),
    separable_1: separable(channels, kernel, { stride, padding }),
    bn_sep_1: norm(),
    relu1: nn.relu(),
    separable_2: separable(channels, kernel, { padding: "same" }),
    bn_sep_2: norm(),
  });
}

/** Pooling, and a 1×1 convolution where x has other channels. */
function pooling(channels: number, pool: Readonly<Record<string, nn.Layer>>): nn.Layer {
  const [only] = Object.values(pool);
  const projected = nn.sequential({ ...pool, conv: convolution(channels), bn: norm() });
  return (x, scope) => (x.shape[3] === channels ? only : projected)(x, scope);
}

function separable(channels: number, kernel: number, options: nn.DepthwiseOptions): nn.Layer {
  return nn.sequential({
    depthwise_conv2d: nn.depthwiseConv2d(kernel, { ...options, bias: false, weightInitializer: nn.heNormal }),
    pointwise_conv2d: convolution(channels),
  });
}

function convolution(channels: number, stride: 1 | 2 = 1): nn.Layer {
  return nn.conv2d(channels, 1, { stride, bias: false, weightInitializer: nn.heNormal });
}

/** With the epsilon of the authors' code. */
function norm(): nn.Layer {
  return nn.batchNorm2d({ epsilon: 1e-3 });
}
