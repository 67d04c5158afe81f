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
import { graphSteps, Inputs, real } from "../../../test/random-graphs.ts";
import type { Engine, Session } from "../../engines/engine.ts";
import { wasmEngine } from "../../engines/wasm/engine.ts";
import { orderOf } from "../../graph/order.ts";
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../ops/operation.ts";
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
