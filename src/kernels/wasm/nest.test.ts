import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../../test/compute.ts";
import { openEmpty, planOf, valuesOn } from "../../../test/on-engine.ts";
import type { Engine, Session } from "../../engines/engine.ts";
import { wasmEngine } from "../../engines/wasm/engine.ts";
import { batchMoments } from "../../ops/batch-moments.ts";
import { globalMaxPool2d } from "../../ops/global-pool2d.ts";
import { maxPool2d } from "../../ops/max-pool2d.ts";
import { multiply } from "../../ops/multiply.ts";
import { defineOp, input, type Tensor } from "../../ops/operation.ts";
import { relu } from "../../ops/relu.ts";
import { reshape } from "../../ops/reshape.ts";
import { scale } from "../../ops/scale.ts";
import { pad, slice } from "../../ops/slice.ts";
import { subtract } from "../../ops/subtract.ts";
import { sum } from "../../ops/sum.ts";
import { RandomStream } from "../../tensor/random.ts";
import { type Shape, size } from "../../tensor/shape.ts";
import { over } from "../formula.ts";
import { index } from "../index-expression.ts";
import { argmax, maximum, position, type Source, scalar, type Value } from "../value.ts";

let engine: Engine;
let session: Session;
beforeAll(async () => {
  engine = await wasmEngine({ threads: 2 });
  session = await openEmpty(engine);
});
afterAll(() => engine.dispose());

/** Whole numbers from −4 to 4: their sums are exact. */
function whole(shape: Shape, seed = 1): Float32Array {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: size(shape) }, () => random.integer(9) - 4);
}

async function computed(y: Tensor, feeds: ReadonlyMap<Tensor, ArrayLike<number>>): Promise<number[]> {
  const [found] = await valuesOn(session, [y], feeds);
  return [...found];
}

/** y, which must be that of double precision to the bit. */
async function expectExact(y: Tensor, feeds: ReadonlyMap<Tensor, ArrayLike<number>>): Promise<void> {
  const found = await computed(y, feeds);
  const [truth] = compile([y])(feeds);
  expect(found.map((each) => each + 0)).toEqual(Array.from(truth, (each) => each + 0));
}

/** A one-off operation of x. */
function custom(
  x: Tensor,
  shape: Shape,
  value: (x: Source, ...i: ReturnType<typeof index>[]) => Value,
): Tensor {
  return defineOp<"x">({
    name: "custom",
    shape: () => shape,
    value: ({ x: source }) => [over(shape, (...i) => value(source, ...i.map(index)))],
  })({ x }, {});
}

describe("sums", () => {
  const subsets = [
    [0],
    [1],
    [2],
    [3],
    [0, 1],
    [1, 2],
    [0, 3],
    [1, 3],
    [0, 1, 2],
    [1, 2, 3],
    [0, 2, 3],
    [0, 1, 2, 3],
  ];
  it.each(subsets.map((axes) => ({ axes })))("over axes $axes are exact", async ({ axes }) => {
    for (const shape of [
      [2, 3, 5, 7],
      [3, 1, 4, 8],
      [1, 40, 2, 3],
      [5, 16, 16, 4],
    ]) {
      const x = input("x", shape);
      await expectExact(sum({ x }, { axes }), new Map([[x, whole(shape)]]));
    }
  });

  it.each([1, 3, 4, 5, 127, 1023, 1024, 1025, 1031, 4099, 65_537, 100_003])(
    "of %d numbers are exact",
    async (length) => {
      const x = input("x", [length]);
      await expectExact(sum({ x }, { axes: [0] }), new Map([[x, whole([length])]]));
    },
  );

  it("in chunks that are not full read nothing that counts, at the very end of memory too", async () => {
    // 1,009 rows are no multiple of a number of chunks: the last chunk lacks up to seven rows, which would lie behind x.
    for (const shape of [
      [1, 1009, 400, 8],
      [1, 149, 149, 33],
      [5, 67, 31, 3],
    ]) {
      const x = input("x", shape);
      const values = new Float32Array(size(shape));
      const expected = new Float64Array(shape[3]);
      for (let i = 0; i < values.length; i++) expected[i % shape[3]] += values[i] = i % 7;
      expect(await computed(sum({ x }, { axes: [0, 1, 2] }), new Map([[x, values]]))).toEqual([...expected]);
    }
  });

  it("in chunks leave what lies behind them out, though it is no number", async () => {
    const shape = [1, 1009, 5, 3];
    const [x, neighbour] = [input("x", shape), input("neighbour", shape)];
    const feeds = new Map([
      [x, whole(shape)],
      [neighbour, new Float32Array(size(shape)).fill(Number.NaN)],
    ]);
    const all = { axes: [0, 1, 2] };
    const [ours] = await valuesOn(session, [sum({ x }, all), sum({ x: neighbour }, all)], feeds);
    const [alone] = await valuesOn(session, [sum({ x }, all)], feeds);
    expect([...ours]).toEqual([...alone]);
  });

  it("of squares from the mean are those of the batch", async () => {
    const shape = [3, 13, 11, 5];
    const x = input("x", shape);
    const found = await computed(batchMoments({ x }), new Map([[x, whole(shape)]]));
    const [truth] = compile([batchMoments({ x })])(new Map([[x, whole(shape)]]));
    for (const [i, each] of truth.entries()) expect(found[i]).toBeCloseTo(each, 5);
  });
});

describe("greatest values", () => {
  const reduced = (x: Tensor, of: typeof maximum) =>
    custom(x, [x.shape[0]], (source, i) => of([x.shape[1]], (k) => source.at(i, k)));

  // Up to 32 places a window is written out, beyond that it is a loop; beyond 1,024 it goes in chunks.
  it.each([1, 2, 5, 31, 32, 33, 100, 1024, 1500, 3001])("of rows of %d are exact", async (length) => {
    const x = input("x", [6, length]);
    const feeds = new Map([[x, whole([6, length], length)]]);
    await expectExact(reduced(x, maximum), feeds);
    await expectExact(reduced(x, argmax), feeds);
  });

  it.each([4, 32, 50, 1500])("of rows of %d that are all −∞ are −∞, first at 0", async (length) => {
    const x = input("x", [1, length]);
    const feeds = new Map([[x, new Float32Array(length).fill(Number.NEGATIVE_INFINITY)]]);
    expect(await computed(reduced(x, maximum), feeds)).toEqual([Number.NEGATIVE_INFINITY]);
    expect(await computed(reduced(x, argmax), feeds)).toEqual([0]);
  });

  it.each([4, 32, 50, 1500])("of rows of %d are found at the first of several places", async (length) => {
    const x = input("x", [5, length]);
    const values = new Float32Array(5 * length).fill(-1);
    const firsts = [0, 1, length - 2, length - 1, length >> 1];
    for (const [row, first] of firsts.entries()) {
      values[row * length + first] = 7;
      values[row * length + length - 1] = 7;
    }
    expect(await computed(reduced(x, argmax), new Map([[x, values]]))).toEqual(firsts);
  });

  it.each([4, 32, 50, 1500])(
    "of rows of %d are NaN where one is, first where the first is",
    async (length) => {
      const x = input("x", [3, length]);
      const values = whole([3, length]);
      values[2] = Number.NaN;
      values[length + length - 1] = Number.NaN;
      values[length + 1] = Number.POSITIVE_INFINITY;
      const feeds = new Map([[x, values]]);
      const greatest = await computed(reduced(x, maximum), feeds);
      expect(greatest.slice(0, 2)).toEqual([Number.NaN, Number.NaN]);
      expect(greatest[2]).toBe(Math.max(...values.subarray(2 * length)));
      expect((await computed(reduced(x, argmax), feeds)).slice(0, 2)).toEqual([2, length - 1]);
    },
  );

  it("of windows and images show a NaN that one of their places has", async () => {
    const shape = [1, 5, 5, 6];
    const x = input("x", shape);
    const values = whole(shape);
    values[(2 * 5 + 2) * 6 + 3] = Number.NaN;
    const feeds = new Map([[x, values]]);
    const pooled = await computed(maxPool2d({ x }, { kernel: 3, stride: 1, padding: 1 }), feeds);
    for (const [i, each] of pooled.entries()) {
      const [p, q, c] = [Math.floor(i / 30), Math.floor(i / 6) % 5, i % 6];
      expect(Number.isNaN(each)).toBe(c === 3 && Math.abs(p - 2) <= 1 && Math.abs(q - 2) <= 1);
    }
    expect((await computed(globalMaxPool2d({ x }, {}), feeds)).map(Number.isNaN)).toEqual(
      [0, 0, 0, 1, 0, 0].map(Boolean),
    );
    expect((await computed(relu({ x }, {}), feeds)).filter(Number.isNaN)).toHaveLength(1);
  });
});

describe("maps", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 4095, 4096, 4097, 20_001])(
    "of %d numbers write each once",
    async (length) => {
      const x = input("x", [length]);
      const y = scale({ x }, { factor: 3 });
      await expectExact(y, new Map([[x, whole([length])]]));
    },
  );

  it.each<[Shape, Shape]>([
    [
      [2, 1, 3, 1],
      [1, 4, 1, 5],
    ],
    [[7], [3, 2, 7]],
    [
      [3, 1],
      [3, 9],
    ],
    [[1], [2, 2, 2, 2]],
    [
      [4, 1, 1, 6],
      [4, 5, 5, 6],
    ],
    [
      [2, 5, 5, 1],
      [2, 5, 5, 13],
    ],
    [
      [1, 17],
      [9, 1],
    ],
  ])("read %j along %j", async (left, right) => {
    const [a, b] = [input("a", left), input("b", right)];
    await expectExact(
      multiply({ a, b }, {}),
      new Map([
        [a, whole(left)],
        [b, whole(right, 2)],
      ]),
    );
  });

  it("read rows and channels that are a part of another tensor", async () => {
    for (const [from, length] of [
      [0, 1],
      [1, 3],
      [2, 5],
      [7, 4],
      [3, 8],
    ]) {
      const x = input("x", [2, 3, 4, 11]);
      const inner = slice({ x: slice({ x }, { from, length }) }, { axis: 1, from: 1, length: 2 });
      await expectExact(scale({ x: inner }, { factor: 2 }), new Map([[x, whole(x.shape)]]));
    }
  });

  it("tell two padded reads of one place apart by their edges", async () => {
    const x = input("x", [1, 4, 4, 1]);
    const rows = slice({ x }, { axis: 1, from: 0, length: 3 });
    const below = (of: Tensor, after: number) =>
      pad({ x: of }, { before: [0, 0, 0, 0], after: [0, after, 0, 0] });
    await expectExact(multiply({ a: below(x, 1), b: below(rows, 2) }, {}), new Map([[x, whole(x.shape)]]));
  });

  it("read outside the edges what the read says, on each side of each axis", async () => {
    const x = input("x", [3, 5]);
    for (const [down, right] of [
      [0, 0],
      [-1, 2],
      [2, -3],
      [5, 0],
      [-4, -6],
      [0, 5],
    ])
      for (const fill of [0, -7]) {
        const y = custom(x, [3, 5], (source, i, j) => source.padded(fill, i.plus(down), j.plus(right)));
        await expectExact(y, new Map([[x, whole([3, 5])]]));
      }
  });

  it("read and write backwards, with steps, quotients and remainders", async () => {
    const x = input("x", [24]);
    const feeds = new Map([[x, whole([24])]]);
    await expectExact(
      custom(x, [24], (source, i) => source.at(i.times(-1).plus(23))),
      feeds,
    );
    await expectExact(
      custom(x, [8], (source, i) => source.at(i.times(3).plus(1))),
      feeds,
    );
    await expectExact(
      custom(x, [30], (source, i) => source.at(i.floorDiv(5))),
      feeds,
    );
    await expectExact(
      custom(x, [50], (source, i) => source.at(i.mod(7).times(3))),
      feeds,
    );
    await expectExact(
      custom(x, [31], (source, i) => source.padded(9, i.minus(10).floorDiv(4).plus(2))),
      feeds,
    );
    await expectExact(
      custom(x, [31], (source, i) => source.at(i.minus(13).mod(5))),
      feeds,
    );
    await expectExact(
      custom(x, [6, 5], (source, i, j) => source.at(i.times(5).plus(j).mod(24))),
      feeds,
    );
  });

  it("know their places and the numbers of a run", async () => {
    const x = input("x", [3, 7]);
    const y = custom(x, [3, 7], (source, i, j) =>
      position(i.times(10).plus(j)).times(scalar("learningRate")).plus(source.at(i, j)).plus(scalar("step")),
    );
    const feeds = new Map([[x, whole([3, 7])]]);
    const [found] = await valuesOn(session, [y], feeds, { learningRate: 0.25, step: 3_000_000 });
    const expected = whole([3, 7]).map(
      (each, i) => 0.25 * (10 * Math.floor(i / 7) + (i % 7)) + each + 3_000_000,
    );
    expect([...found]).toEqual([...expected]);
  });

  it("write over what they read for the last time", async () => {
    const x = input("x", [2, 5, 5, 7]);
    let y = scale({ x }, { factor: 2 });
    for (let i = 0; i < 4; i++) {
      const sums = reshape({ x: sum({ x: y }, { axes: [3] }) }, { shape: [2, 5, 5, 1] });
      y = relu({ x: subtract({ a: y, b: sums }, {}) }, {});
    }
    const planned = planOf([y]);
    expect(planned.steps.filter((step) => step.inPlaceOf !== undefined)).toHaveLength(4);
    await expectExact(y, new Map([[x, whole(x.shape)]]));
  });
});
