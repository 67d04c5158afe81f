/**
 * Random graphs on the wasm engine against double precision: shapes that no vector or tile divides, everything that can
 * stand around a sum, and all gradients.
 */

import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "vitest";
import { compile } from "../../../test/compute.ts";
import { withGradients } from "../../../test/conformance/case.ts";
import { randomNumbers } from "../../../test/gradients.ts";
import { openEmpty, planOf, valuesOn } from "../../../test/on-engine.ts";
import type { Engine, Session } from "../../engines/engine.ts";
import { wasmEngine } from "../../engines/wasm/engine.ts";
import { orderOf } from "../../graph/order.ts";
import * as ops from "../../ops/index.ts";
import { input, type Tensor } from "../../ops/operation.ts";
import { RandomStream } from "../../tensor/random.ts";
import type { Shape } from "../../tensor/shape.ts";
import { size } from "../../tensor/shape.ts";

let engine: Engine;
let session: Session;
beforeAll(async () => {
  engine = await wasmEngine({ threads: 2 });
  session = await openEmpty(engine);
});
afterAll(() => engine.dispose());

const scalars = { seed: 3, step: 8, learningRate: 0.5 };

/** Fails where an output lies further from double precision than `tolerance` of its greatest value, or of 0.1. */
async function expectComputed(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  tolerance: number,
): Promise<void> {
  const truth = compile(outputs)(feeds, scalars);
  const found = await valuesOn(session, outputs, feeds, scalars);
  for (const [i, { name, shape }] of outputs.entries()) {
    const [ours, theirs] = [found[i], truth[i]];
    const greatest = [...theirs].reduce((most, each) => Math.max(most, Math.abs(each)), 0.1);
    const at = theirs.findIndex((each, j) => !(Math.abs(ours[j] - each) <= tolerance * greatest));
    if (at >= 0)
      throw new Error(
        `output ${i}, ${name} [${shape.join(", ")}], element ${at}: ${ours[at]} against ${theirs[at]}\n${planOf(outputs).describe()}`,
      );
  }
}

function checked<T>(
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  check: (drawn: T) => Promise<void>,
): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, check), { seed: 20, numRuns: runs, endOnFailure: true });
}

/**
 * Small whole numbers, half of one added where `half`: sums of their products are exact in float32, whatever their order,
 * and with a half are never where a ReLU has its kink.
 */
function whole(shape: Shape, seed: number, half = false): Float32Array {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: size(shape) }, () => random.integer(5) - 2 + (half ? 0.5 : 0));
}

/** Inputs with their values, named one after the other. */
class Inputs {
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

/** What may follow a sum, with the further inputs it takes; all keep whole numbers whole but the last few. */
const followers: Readonly<Record<string, (y: Tensor, inputs: Inputs) => { y: Tensor; wrt?: Tensor[] }>> = {
  nothing: (y) => ({ y }),
  relu: (y) => ({ y: ops.relu({ x: y }, {}) }),
  "leaky relu": (y) => ({ y: ops.leakyRelu({ x: y }, { slope: 0.25 }) }),
  "residual and relu"(y, { whole }) {
    const other = whole(y.shape);
    return { y: ops.relu({ x: ops.add({ a: other, b: y }, {}) }, {}), wrt: [other] };
  },
  "a factor a channel"(y, { whole }) {
    const factor = whole([y.shape[y.shape.length - 1]]);
    return { y: ops.multiply({ a: y, b: factor }, {}), wrt: [factor] };
  },
  "a factor an image and channel"(y, { whole }) {
    const factor = whole(y.shape.map((extent, axis) => (axis === 1 || axis === 2 ? 1 : extent)));
    return { y: ops.multiply({ a: factor, b: y }, {}), wrt: [factor] };
  },
  "a factor a place, then a sum of channels"(y, { whole }) {
    const factor = whole([...y.shape.slice(0, -1), 1]);
    const masked = ops.multiply({ a: y, b: factor }, {});
    return { y: ops.sum({ x: masked }, { axes: [y.shape.length - 1] }), wrt: [factor] };
  },
  "two users": (y) => ({
    y: ops.add({ a: ops.scale({ x: y }, { factor: 2 }), b: ops.relu({ x: y }, {}) }, {}),
  }),
  "the maximum of 2×2": (y) => ({
    y: y.shape.length === 4 && y.shape[1] > 1 && y.shape[2] > 1 ? ops.maxPool2d({ x: y }, { kernel: 2 }) : y,
  }),
  flatten: (y) => ({ y: ops.scale({ x: ops.flatten({ x: ops.relu({ x: y }, {}) }) }, { factor: 3 }) }),
  sigmoid: (y) => ({ y: ops.sigmoid({ x: ops.scale({ x: y }, { factor: 0.125 }) }, {}) }),
  silu: (y) => ({ y: ops.silu({ x: ops.scale({ x: y }, { factor: 0.125 }) }) }),
  elu: (y) => ({ y: ops.elu({ x: ops.scale({ x: y }, { factor: 0.125 }) }, {}) }),
};
const inexact = new Set(["sigmoid", "silu", "elu"]);

const channels = fc.constantFrom(1, 2, 3, 5, 7, 8, 12, 13, 16, 17, 20, 24, 28, 33);
const follower = fc.constantFrom(...Object.keys(followers));

const convolutions = fc
  .record({
    n: fc.constantFrom(1, 1, 2, 3),
    h: fc.integer({ min: 1, max: 9 }),
    w: fc.integer({ min: 1, max: 9 }),
    c: channels,
    k: channels,
    kernel: fc.constantFrom([1, 1], [1, 1], [3, 3], [3, 3], [2, 2], [5, 5], [1, 3], [4, 1], [2, 5]),
    stride: fc.constantFrom([1, 1], [1, 1], [2, 2], [3, 3], [1, 2], [3, 1]),
    dilation: fc.constantFrom([1, 1], [1, 1], [1, 1], [2, 2], [1, 3]),
    padding: fc.constantFrom([0, 0], [1, 1], [1, 1], [2, 2], [0, 3], [4, 1]),
    groups: fc.constantFrom(1, 1, 1, 2, 3, "depthwise" as const),
    bias: fc.boolean(),
    follower,
  })
  .map(({ groups: wanted, c, k, ...rest }) => {
    const groups = wanted === "depthwise" ? c : wanted;
    return {
      ...rest,
      groups,
      // As many channels as groups can share, and few enough for the reference.
      c: wanted === "depthwise" ? c : c * groups > 40 ? groups : c * groups,
      k: wanted === "depthwise" ? (k > 20 ? c : 2 * c) : k * groups > 40 ? groups : k * groups,
    };
  })
  .filter(({ h, w, kernel, dilation, padding }) =>
    [h, w].every((extent, i) => extent + 2 * padding[i] > dilation[i] * (kernel[i] - 1)),
  );

describe("kernels of random convolutions", () => {
  it("are exact on whole numbers, with all that follows them and all gradients", async () => {
    await checked(convolutions, 60, expectConvolution);
  });

  it("round a little where Winograd's transforms stand in for the sum", async () => {
    const drawn = fc.record({
      n: fc.constantFrom(1, 2),
      h: fc.integer({ min: 2, max: 9 }),
      w: fc.integer({ min: 2, max: 9 }),
      c: fc.constantFrom(24, 25, 32, 36),
      k: fc.constantFrom(24, 26, 35),
      padding: fc.constantFrom([0, 0], [1, 1], [1, 1], [2, 1]),
      bias: fc.boolean(),
      follower,
    });
    const plain = { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], groups: 1 };
    await checked(
      drawn.filter(({ h, w, padding }) => h + 2 * padding[0] >= 3 && w + 2 * padding[1] >= 3),
      15,
      (each) => expectConvolution({ ...each, ...plain }, false),
    );
  });
});

interface Convolution {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly k: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
  readonly groups: number;
  readonly bias: boolean;
  readonly follower: string;
}

/** On whole numbers, whose sums are exact; or on others, where rounding must not meet a unit at 0 or two that are equal. */
async function expectConvolution(
  { n, h, w, c, k, kernel, bias, follower, groups, ...options }: Convolution,
  isExact = true,
) {
  const inputs = new Inputs();
  const [r, s] = kernel;
  const numbers = (shape: Shape) => (isExact ? inputs.whole(shape) : real(inputs, shape));
  const x = numbers([n, h, w, c]);
  const weight = numbers([r, s, c / groups, k]);
  const offset = bias ? inputs.halves([k]) : undefined;
  const [stride, dilation, padding] = [options.stride, options.dilation, options.padding].map(
    ([down, across]) => [down, across] as const,
  );
  const sums = ops.conv2d({ x, weight, bias: offset }, { stride, dilation, padding, groups });
  const { y, wrt = [] } = followers[follower](sums, inputs);
  const outputs = withGradients(y, [x, weight, ...(offset === undefined ? [] : [offset]), ...wrt]);
  const tolerance = isExact ? 0 : 1e-4;
  await expectComputed(
    outputs,
    inputs.restOf(outputs),
    inexact.has(follower) ? Math.max(1e-5, tolerance) : tolerance,
  );
}

describe("kernels of random linear layers and products of matrices", () => {
  const extents = fc.constantFrom(1, 2, 3, 5, 7, 8, 12, 13, 16, 17, 24, 33, 50, 100, 259);

  it("are exact on whole numbers, with all that follows them and all gradients", async () => {
    await checked(
      fc.record({ n: extents, c: extents, k: extents, bias: fc.boolean(), follower }),
      20,
      async ({ n, c, k, bias, follower }) => {
        const inputs = new Inputs();
        const [x, weight] = [inputs.whole([n, c]), inputs.whole([c, k])];
        const offset = bias ? inputs.halves([k]) : undefined;
        const { y, wrt = [] } = followers[follower](ops.linear({ x, weight, bias: offset }, {}), inputs);
        const outputs = withGradients(y, [x, weight, ...(offset === undefined ? [] : [offset]), ...wrt]);
        await expectComputed(outputs, inputs.restOf(outputs), inexact.has(follower) ? 1e-5 : 0);
      },
    );
  });

  it("are exact with either operand transposed", async () => {
    await checked(
      fc.record({ m: extents, k: extents, n: extents, transposeA: fc.boolean(), transposeB: fc.boolean() }),
      10,
      async ({ m, k, n, transposeA, transposeB }) => {
        const inputs = new Inputs();
        const a = inputs.whole(transposeA ? [k, m] : [m, k]);
        const b = inputs.whole(transposeB ? [n, k] : [k, n]);
        const outputs = withGradients(ops.matmul({ a, b }, { transposeA, transposeB }), [a, b]);
        await expectComputed(outputs, inputs.restOf(outputs), 0);
      },
    );
  });
});

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

const real = (inputs: Inputs, shape: Shape) =>
  inputs.make(shape, (of, seed) => randomNumbers(size(of), seed));
const positive = (inputs: Inputs, shape: Shape) =>
  inputs.make(shape, (of, seed) => randomNumbers(size(of), seed).map((each) => 1 + each / 2));

const graphSteps: Readonly<Record<string, GraphStep>> = {
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

const graphs = fc.record({
  shape: fc.tuple(
    fc.constantFrom(1, 2, 3),
    fc.integer({ min: 1, max: 7 }),
    fc.integer({ min: 1, max: 7 }),
    fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 13, 17),
  ),
  steps: fc.array(fc.constantFrom(...Object.keys(graphSteps)), { minLength: 2, maxLength: 8 }),
  choices: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});

describe("kernels of random graphs", () => {
  it("compute values, taps on the way and gradients as formulas by themselves do", async () => {
    await checked(graphs, 80, async ({ shape, steps, choices }) => {
      const random = new RandomStream(choices);
      const inputs = new Inputs();
      const source = real(inputs, shape);
      const earlier: Tensor[] = [source];
      for (const step of steps) {
        const [x] = earlier.slice(-1);
        const y = graphSteps[step](x, (ways) => random.integer(ways), inputs, earlier);
        if (y !== undefined && size(y.shape) <= 3000) earlier.push(y);
      }
      const last = earlier[earlier.length - 1];
      const taps = earlier.slice(1, -1).filter(() => random.integer(3) === 0);
      const wrt = orderOf([last]).filter(({ role }) => role === "input");
      const outputs = [...withGradients(last, wrt), ...taps];
      for (const each of orderOf(outputs))
        if (each.role === "input" && !inputs.feeds.has(each))
          inputs.feeds.set(each, Float32Array.from(randomNumbers(size(each.shape), 99)));
      await expectComputed(outputs, inputs.feeds, 1e-4);
    });
  });
});
