import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEmpty, valuesOn } from "../../../test/on-engine.ts";
import type { Engine, Session } from "../../engines/engine.ts";
import { wasmEngine } from "../../engines/wasm/engine.ts";
import { defineOp, input } from "../../ops/operation.ts";
import { over } from "../formula.ts";
import type { Numbers } from "../javascript.ts";
import type { Value } from "../value.ts";

let engine: Engine;
let session: Session;
let double: Engine<Float64Array>;
let inDouble: Session<Float64Array>;
beforeAll(async () => {
  engine = await wasmEngine({ threads: 1 });
  session = await openEmpty(engine);
  double = await wasmEngine({ threads: 1, bits: 64 });
  inDouble = await openEmpty(double);
});
afterAll(() => {
  engine.dispose();
  double.dispose();
});

/** The function of each number as a kernel computes it. */
async function computedOn<Values extends Numbers>(
  session: Session<Values>,
  f: (x: Value) => Value,
  xs: Values,
): Promise<Values> {
  const map = defineOp<"x">({
    name: "map",
    shape: ({ x }) => x,
    value: ({ x }, _, shape) => [over(shape, (i) => f(x.at(i)))],
  });
  const x = input("x", [xs.length]);
  const [ys] = await valuesOn(session, [map({ x }, {})], new Map([[x, xs]]));
  return ys;
}

const computed = (f: (x: Value) => Value, xs: Float32Array) => computedOn(session, f, xs);

/** Numbers of every exponent and sign, infinities and what is not a number among them. */
const everywhere = (() => {
  const step = 39_989;
  return new Float32Array(
    Uint32Array.from({ length: Math.floor(2 ** 32 / step) }, (_, i) => i * step).buffer,
  );
})();

const between = (from: number, to: number, count = 100_001) =>
  Float32Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

const leastNormal = 2 ** -126;
const leastSubnormal = 2 ** -149;

/**
 * The greatest relative error of results in the normal range, and the greatest error of those below it in units of the
 * least number. Where the truth is infinite or no number in float32, the result must be the same.
 */
async function errors(f: (x: Value) => Value, truth: (x: number) => number, xs: Float32Array) {
  const ys = await computed(f, xs);
  let [relative, subnormal] = [0, 0];
  for (const [i, x] of xs.entries()) {
    const exact = truth(x);
    if (!Number.isFinite(Math.fround(exact)) || !Number.isFinite(ys[i])) {
      if (!Object.is(ys[i], Math.fround(exact))) throw new Error(`f(${x}) is ${ys[i]}, not ${exact}`);
    } else if (Math.abs(exact) < leastNormal)
      subnormal = Math.max(subnormal, Math.abs(ys[i] - exact) / leastSubnormal);
    else relative = Math.max(relative, Math.abs(ys[i] - exact) / Math.abs(exact));
  }
  return { relative, subnormal };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

// Measured: 0.8e-7 for exp and log, 1.3e-7 for tanh, 1.4e-7 for sigmoid; half a unit of the last place is 0.6e-7.
describe.each<[string, (x: Value) => Value, (x: number) => number, number, readonly Float32Array[]]>([
  ["exp", (x) => x.exp(), Math.exp, 1e-7, [between(-110, 95), between(-1, 1)]],
  ["log", (x) => x.log(), Math.log, 1e-7, [between(0.5, 2), between(0, 100)]],
  ["tanh", (x) => x.tanh(), Math.tanh, 1.5e-7, [between(-12, 12), between(-0.7, 0.7)]],
  ["sigmoid", (x) => x.sigmoid(), sigmoid, 1.6e-7, [between(-87.3, 40)]],
  ["sqrt", (x) => x.sqrt(), Math.sqrt, 6e-8, []],
  ["reciprocal", (x) => x.reciprocal(), (x) => 1 / x, 6e-8, []],
])("%s", (name, f, truth, bound, ranges) => {
  it(`has a relative error below ${bound}`, async () => {
    for (const range of ranges) expect((await errors(f, truth, range)).relative).toBeLessThan(bound);
  });

  it("has it over all of float32, with infinities and NaN where they belong", async () => {
    const { relative, subnormal } = await errors(f, truth, everywhere);
    expect(relative).toBeLessThan(bound);
    // Below the least normal number a sigmoid is 0: its exponential is infinite before it is.
    expect(subnormal).toBeLessThan(name === "sigmoid" ? leastNormal / leastSubnormal : 1);
  });
});

/** Numbers of every exponent and sign of float64, with digits that float32 does not hold. */
const everywhereInDouble = Float64Array.from({ length: 2 * 2098 }, (_, i) => {
  const size = (1 + ((i * 0.6180339887498949) % 1)) * 2 ** (Math.floor(i / 2) - 1074);
  return i % 2 === 0 ? size : -size;
});

// Measured: 2.2e-16 for exp and log, 4e-16 for tanh, 3.4e-16 for sigmoid; half a unit of the last place is 1.1e-16.
describe.each<[string, (x: Value) => Value, (x: number) => number, number, readonly [number, number][]]>([
  [
    "exp",
    (x) => x.exp(),
    Math.exp,
    5e-16,
    [
      [-700, 700],
      [-1, 1],
    ],
  ],
  [
    "log",
    (x) => x.log(),
    Math.log,
    5e-16,
    [
      [0.5, 2],
      [0, 1000],
    ],
  ],
  [
    "tanh",
    (x) => x.tanh(),
    Math.tanh,
    6e-16,
    [
      [-25, 25],
      [-0.7, 0.7],
    ],
  ],
  ["sigmoid", (x) => x.sigmoid(), sigmoid, 6e-16, [[-700, 40]]],
])("%s in double precision", (_, f, truth, bound, ranges) => {
  /** The greatest relative error of results in the normal range; infinities and NaN must be where the truth has them. */
  async function error(xs: Float64Array) {
    const ys = await computedOn(inDouble, f, xs);
    let worst = 0;
    for (const [i, x] of xs.entries()) {
      const exact = truth(x);
      if (Number.isFinite(exact) && Number.isFinite(ys[i])) {
        const scale = Math.max(Math.abs(exact), 2 ** -1022);
        worst = Math.max(worst, Math.abs(ys[i] - exact) / scale);
      } else if (!Object.is(ys[i], exact)) throw new Error(`f(${x}) is ${ys[i]}, not ${exact}`);
    }
    return worst;
  }

  it(`has a relative error below ${bound}`, async () => {
    for (const [from, to] of ranges)
      expect(
        await error(Float64Array.from({ length: 100_001 }, (_, i) => from + ((to - from) * i) / 1e5)),
      ).toBeLessThan(bound);
  });

  it("has it over all of float64, with infinities and NaN where they belong", async () => {
    expect(await error(everywhereInDouble)).toBeLessThan(bound);
    expect(
      await error(Float64Array.of(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN)),
    ).toBeLessThan(bound);
  });
});

describe("edges", () => {
  // biome-ignore format: one function a line
  it.each<[string, (x: Value) => Value, readonly number[], readonly number[]]>([
    ["exp", (x) => x.exp(),
      [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 88.73, 1e38, -104, -1e38, leastSubnormal],
      [1, 1, Number.POSITIVE_INFINITY, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0, 1]],
    ["log", (x) => x.log(),
      [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1, -1, -leastSubnormal],
      [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, Number.NaN, 0, Number.NaN, Number.NaN]],
    ["tanh", (x) => x.tanh(),
      [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e38, -20, leastSubnormal, -leastSubnormal],
      [0, 1, -1, Number.NaN, 1, -1, leastSubnormal, -leastSubnormal]],
    ["sigmoid", (x) => x.sigmoid(),
      [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e38, -1e38, -200],
      [0.5, 0.5, 1, 0, Number.NaN, 1, 0, 0]],
    ["reciprocal", (x) => x.reciprocal(),
      [0, -0, Number.POSITIVE_INFINITY, Number.NaN, -4],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, Number.NaN, -0.25]],
    ["max with a constant", (x) => x.max(0), [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3, -3], [Number.NaN, Number.POSITIVE_INFINITY, 0, 3, 0]],
    ["min with a constant", (x) => x.min(6), [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 7, -3], [Number.NaN, 6, Number.NEGATIVE_INFINITY, 6, -3]],
    ["max with itself negated", (x) => x.max(x.negate()), [Number.NaN, Number.NEGATIVE_INFINITY, 3, -3], [Number.NaN, Number.POSITIVE_INFINITY, 3, 3]],
    ["less", (x) => x.less(1), [Number.NaN, 1, 0.5, 2, Number.NEGATIVE_INFINITY], [0, 0, 1, 0, 1]],
    ["lessOrEqual", (x) => x.lessOrEqual(1), [Number.NaN, 1, 0.5, 2], [0, 1, 1, 0]],
    ["equals", (x) => x.equals(0), [Number.NaN, 0, -0, leastSubnormal], [0, 1, 1, 0]],
    ["select by a number", (x) => x.select(10, 20), [0, -0, 1, -3, leastSubnormal], [20, 20, 10, 10, 10]],
    ["select by a comparison", (x) => x.less(0).select(x.negate(), x), [-2, 3, Number.NaN], [2, 3, Number.NaN]],
  ])("of %s", async (_, f, xs, ys) => {
    expect([...(await computed(f, Float32Array.from(xs)))]).toEqual(ys);
  });
});

describe("power", () => {
  it.each([0.5, 0.75, -0.75, 2, 3.5])(
    "to the %d has an error that grows with the exponent of the result",
    async (exponent) => {
      // e^(y·log x): the errors of the logarithm, 0.8e-7, and of the product, 0.6e-7, are those of an exponent.
      const xs = between(0.001, 100);
      const ys = await computed((x) => x.power(exponent), xs);
      for (const [i, x] of xs.entries()) {
        const exact = x ** exponent;
        const bound = 2e-7 + 1.4e-7 * Math.abs(exponent * Math.log(x));
        if (!(Math.abs(ys[i] - exact) <= bound * exact))
          throw new Error(`${x}^${exponent} is ${ys[i]}, not ${exact}`);
      }
    },
  );

  it("is right at the edges of x ≥ 0", async () => {
    const xs = Float32Array.of(0, 1, Number.POSITIVE_INFINITY, Number.NaN);
    expect([...(await computed((x) => x.power(0.75), xs))]).toEqual([
      0,
      1,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
    expect([...(await computed((x) => x.power(-0.75), xs))]).toEqual([
      Number.POSITIVE_INFINITY,
      1,
      0,
      Number.NaN,
    ]);
  });

  it("is 1 where the exponent is 0, also that of 0", async () => {
    const xs = Float32Array.of(0, 0.5, 1e30, Number.POSITIVE_INFINITY);
    expect([...(await computed((x) => x.power(0), xs))]).toEqual([1, 1, 1, 1]);
    expect([...(await computed((x) => x.power(x.times(0)), xs.subarray(0, 3)))]).toEqual([1, 1, 1]);
  });
});
