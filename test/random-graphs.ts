/** What random graphs are made of: inputs with their values, and steps from images to images. */

import { orderOf } from "../src/graph/order.ts";
import * as ops from "../src/ops/index.ts";
import { input, type Tensor } from "../src/ops/operation.ts";
import { RandomStream } from "../src/tensor/random.ts";
import type { Shape } from "../src/tensor/shape.ts";
import { size } from "../src/tensor/shape.ts";
import { randomNumbers } from "./gradients.ts";

/**
 * Small whole numbers, half of one added where `half`: sums of their products are exact in float32, whatever their order,
 * and with a half are never where a ReLU has its kink.
 */
function whole(shape: Shape, seed: number, half = false): Float32Array {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: size(shape) }, () => random.integer(5) - 2 + (half ? 0.5 : 0));
}

/** Inputs with their values, named one after the other. */
export class Inputs {
  readonly feeds = new Map<Tensor, Float32Array>();
  make(shape: Shape, values: (shape: Shape, seed: number) => ArrayLike<number>): Tensor {
    const tensor = input(`in${this.feeds.size}`, shape);
    this.feeds.set(tensor, Float32Array.from(values(shape, 17 * this.feeds.size + 1)));
    return tensor;
  }
  /** The values, with whole numbers for inputs of `outputs` that were made elsewhere. */
  restOf(outputs: readonly Tensor[]): ReadonlyMap<Tensor, Float32Array> {
    for (const each of orderOf(outputs))
      if (each.role === "input" && !this.feeds.has(each)) this.feeds.set(each, whole(each.shape, 5));
    return this.feeds;
  }
  whole = (shape: Shape) => this.make(shape, whole);
  halves = (shape: Shape) => this.make(shape, (of, seed) => whole(of, seed, true));
}

/**
 * One step of a random graph: from images to images of some shape, by numbers that choose among its forms; undefined where
 * it does not fit. `earlier` are images that the graph had before.
 */
type GraphStep = (
  x: Tensor,
  choose: (ways: number) => number,
  inputs: Inputs,
  earlier: readonly Tensor[],
) => Tensor | undefined;

export const real = (inputs: Inputs, shape: Shape) =>
  inputs.make(shape, (of, seed) => randomNumbers(size(of), seed));
const positive = (inputs: Inputs, shape: Shape) =>
  inputs.make(shape, (of, seed) => randomNumbers(size(of), seed).map((each) => 1 + each / 2));

export const graphSteps: Readonly<Record<string, GraphStep>> = {
  relu: (x) => ops.relu({ x }, {}),
  tanh: (x) => ops.tanh({ x }, {}),
  sigmoid: (x) => ops.sigmoid({ x }, {}),
  scale: (x, choose) => ops.scale({ x }, { factor: choose(5) - 2 || 0.5 }),
  conv(x, choose, inputs) {
    const [kernel, k] = [1 + 2 * choose(2), 1 + choose(19)];
    const [c] = x.shape.slice(-1);
    const weight = real(inputs, [kernel, kernel, c, k]);
    const y = ops.conv2d(
      { x, weight, bias: real(inputs, [k]) },
      { padding: (kernel - 1) / 2, stride: 1 + choose(2) },
    );
    return ops.scale({ x: y }, { factor: 1 / Math.sqrt(c * kernel * kernel) });
  },
  depthwise(x, _, inputs) {
    const [c] = x.shape.slice(-1);
    return ops.conv2d({ x, weight: real(inputs, [3, 3, 1, c]), bias: undefined }, { padding: 1, groups: c });
  },
  maxPool: (x, choose) =>
    Math.min(x.shape[1], x.shape[2]) < 3
      ? undefined
      : ops.maxPool2d({ x }, { kernel: 2 + choose(2), stride: 1 + choose(2), padding: choose(2) }),
  avgPool: (x, choose) =>
    Math.min(x.shape[1], x.shape[2]) < 3
      ? undefined
      : ops.avgPool2d({ x }, { kernel: 2 + choose(2), stride: 1 + choose(2), padding: choose(2) }),
  globalAverage: (x) =>
    ops.reshape({ x: ops.globalAveragePool2d({ x }, {}) }, { shape: [x.shape[0], 1, 1, x.shape[3]] }),
  "concat with all that fits": (x, choose, _, earlier) => {
    const fits = earlier.filter((each) => each.shape.slice(0, -1).join() === x.shape.slice(0, -1).join());
    const [before, after] = [fits.slice(-2), fits.slice(-1 - choose(2), -1)];
    return ops.concat({ ...[...before, x, ...after].slice(0, 4) }, {});
  },
  "concat with itself, changed": (x) =>
    ops.concat({ 0: ops.scale({ x }, { factor: 2 }), 1: x, 2: ops.tanh({ x }, {}) }, {}),
  "add what fits"(x, _, inputs, earlier) {
    const other = earlier.findLast((each) => each !== x && each.shape.join() === x.shape.join());
    return ops.add({ a: x, b: other ?? real(inputs, x.shape) }, {});
  },
  "multiply by something smaller"(x, choose, inputs) {
    const mask = choose(16);
    const shape = x.shape.map((extent, axis) => ((mask >> axis) & 1 ? 1 : extent));
    return ops.multiply({ a: x, b: real(inputs, choose(2) ? shape : shape.slice(2)) }, {});
  },
  "divide by something positive": (x, _, inputs) =>
    ops.divide({ a: x, b: positive(inputs, [x.shape[3]]) }, {}),
  slice(x, choose) {
    const axis = 1 + choose(3);
    const length = 1 + choose(x.shape[axis]);
    return ops.slice({ x }, { axis, from: choose(x.shape[axis] - length + 1), length });
  },
  pad: (x, choose) =>
    ops.pad(
      { x },
      { before: [0, choose(2), choose(2), choose(3)], after: [0, choose(2), choose(2), choose(3)] },
    ),
  "another shape": (x, choose) => {
    const [n, h, w, c] = x.shape;
    return ops.reshape(
      { x },
      {
        shape: [
          [n, w, h, c],
          [n, h * w, 1, c],
          [n, 1, h, w * c],
          [1, n, h * w, c],
        ][choose(4)],
      },
    );
  },
  "flatten and back": (x) => {
    const [n, h, w, c] = x.shape;
    return ops.reshape({ x: ops.flatten({ x }) }, { shape: [n, c, h, w] });
  },
  linear(x, choose, inputs) {
    const rows = ops.flatten({ x });
    const k = 1 + choose(12);
    const weight = real(inputs, [rows.shape[1], k]);
    const y = ops.linear({ x: rows, weight, bias: real(inputs, [k]) }, {});
    return ops.reshape(
      { x: ops.scale({ x: y }, { factor: 1 / rows.shape[1] }) },
      { shape: [rows.shape[0], 1, 1, k] },
    );
  },
  shuffle: (x, choose) => {
    const groups = [2, 3, 4][choose(3)];
    return x.shape[3] % groups === 0 ? ops.channelShuffle({ x }, { groups }) : undefined;
  },
  subsample: (x, choose) => ops.subsample({ x }, { stride: 1 + choose(3) }),
  "larger, bilinear": (x, choose) =>
    ops.upsampleBilinear2d({ x }, { size: [x.shape[1] + choose(4), x.shape[2] * 2] }),
  "larger, nearest": (x) => ops.upsampleNearest2d({ x }, { scale: 2 }),
  "bins of means": (x, choose) => ops.adaptiveAvgPool2d({ x }, { size: [1 + choose(4), 1 + choose(4)] }),
  "batch norm"(x, _, inputs) {
    const [n, h, w, c] = x.shape;
    if (n * h * w < 4) return undefined;
    const [weight, bias] = [positive(inputs, [c]), real(inputs, [c])];
    return ops.batchNormalize({ x, moments: ops.batchMoments({ x }), weight, bias }, { epsilon: 0.1 });
  },
  "group norm"(x, _, inputs) {
    const c = x.shape[3];
    const [weight, bias] = [positive(inputs, [c]), real(inputs, [c])];
    return ops.groupNorm({ x, weight, bias }, { groups: c % 2 === 0 ? 2 : 1, epsilon: 0.1 });
  },
  "response norm": (x) => ops.localResponseNorm({ x }, { size: 3, alpha: 0.3, k: 2 }),
  softmax: (x) => ops.softmax({ x }),
  dropout: (x, choose) => ops.dropout({ x }, { probability: 0.4, stream: choose(9) }),
  "less its mean": (x) => {
    const [n, h, w, c] = x.shape;
    const sums = ops.reshape({ x: ops.sum({ x }, { axes: [1, 2] }) }, { shape: [n, 1, 1, c] });
    return ops.subtract({ a: x, b: ops.scale({ x: sums }, { factor: 1 / (h * w) }) }, {});
  },
};
