import { describe, expect, it } from "vitest";
import { randomUniform } from "../tensor/random.ts";
import { over, type Part, scatter } from "./formula.ts";
import { index } from "./index-expression.ts";
import { compileJavaScript, keyOfStream, renderJavaScript } from "./javascript.ts";
import { contiguousLayout, type Layout } from "./layout.ts";
import { argmax, maximum, type Operand, position, random, Source, scalar, value } from "./value.ts";

/** What a formula gives for x in double precision. */
function run(
  parts: readonly Part[],
  shape: readonly number[],
  x: Operand = { shape: [1] },
  values: readonly number[] = [0],
  layout: Layout = contiguousLayout(0, x.shape),
  scalars: Readonly<Record<string, number>> = {},
): number[] {
  const result = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  const kernel = compileJavaScript(
    renderJavaScript(parts, contiguousLayout(1, shape), new Map([[x, layout]])),
  );
  kernel([Float64Array.from(values), result], scalars);
  return [...result];
}

const row: Operand = { shape: [5] };
const five = [3, -1, 4, 1, -5];

describe("formulas as JavaScript", () => {
  it("read and write where their indices say, in views as well", () => {
    const reversed = over([5], (i) => new Source(row).at(index(4).minus(i)));
    expect(run([reversed], [5], row, five)).toEqual([-5, 1, 4, -1, 3]);
    const everySecond = { buffer: 0, offset: 1, strides: [2] };
    const view: Operand = { shape: [2] };
    expect(run([over([2], (i) => new Source(view).at(i))], [2], view, five, everySecond)).toEqual([-1, 1]);
    const quotients = over([7], (i) =>
      position(index(i).minus(3).floorDiv(2).times(10).plus(index(i).minus(3).mod(2))),
    );
    expect(run([quotients], [7])).toEqual([-19, -10, -9, 0, 1, 10, 11]);
  });

  it("give the fill outside the edges", () => {
    const x = new Source(row);
    for (const fill of [0, 9, Number.NEGATIVE_INFINITY])
      expect(run([over([7], (i) => x.padded(fill, index(i).minus(1)))], [7], row, five)).toEqual([
        fill,
        ...five,
        fill,
      ]);
  });

  it("write parts into one result, each to its places", () => {
    const x = new Source(row);
    const parts = [
      scatter([2], (i) => ({ at: [index(i).times(2)], value: x.at(i) })),
      scatter([2], (i) => ({ at: [index(i).times(2).plus(1)], value: value(7) })),
    ];
    expect(run(parts, [4], row, five)).toEqual([3, 7, -1, 7]);
  });

  it("let what is no number win over every other, the first of them", () => {
    const x = new Source(row);
    const greatest = over([], () => maximum([5], (i) => x.at(i)));
    const place = over([], () => argmax([5], (i) => x.at(i)));
    expect([run([greatest], [], row, five), run([place], [], row, five)]).toEqual([[4], [2]]);
    const broken = [3, Number.NaN, 9, Number.NaN, 1];
    expect([run([greatest], [], row, broken), run([place], [], row, broken)]).toEqual([[Number.NaN], [1]]);
    expect(run([place], [], row, [2, 7, 7, 1, 7])).toEqual([1]);
    expect(run([place], [], row, new Array(5).fill(Number.NEGATIVE_INFINITY))).toEqual([0]);
    expect(run([over([5], (i) => x.at(i).max(0))], [5], row, broken)).toEqual([
      3,
      Number.NaN,
      9,
      Number.NaN,
      1,
    ]);
  });

  it("compare and choose", () => {
    const x = new Source(row);
    const parts = over([5], (i) =>
      x.at(i).less(1).select(x.at(i).lessOrEqual(-5), x.at(i).equals(4).times(10)),
    );
    expect(run([parts], [5], row, five)).toEqual([0, 0, 10, 0, 1]);
  });

  it("take the numbers of the run, and draw from its seed and step", () => {
    const part = over([3], (i) => random(6, index(i).plus(2)).plus(scalar("learningRate")));
    const scalars = { seed: 4, step: 9, learningRate: 100 };
    const key = keyOfStream(4, 9, 6);
    expect(run([part], [3], row, five, contiguousLayout(0, [5]), scalars)).toEqual(
      [2, 3, 4].map((counter) => 100 + randomUniform(key, counter)),
    );
  });

  it("draw from other keys for other seeds, steps and streams", () => {
    const keys = new Set<number>();
    for (let seed = 0; seed < 8; seed++)
      for (let step = 0; step < 8; step++)
        for (let stream = 0; stream < 8; stream++) keys.add(keyOfStream(seed, step, stream));
    expect(keys.size).toBe(512);
  });
});
