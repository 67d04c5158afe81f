import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { anyShapes, forAll } from "../../test/shapes.ts";
import { argmax } from "./argmax.ts";
import { mean } from "./mean.ts";
import { input } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { broadcastTo, sum } from "./sum.ts";

describe("sum, mean and argmax", () => {
  const x = counting([2, 3]);

  it("sums and averages over axes, which vanish", () => {
    expect(compute(sum({ x }, { axes: [0] }))).toEqual([3, 5, 7]);
    expect(compute(sum({ x }, { axes: [1] }))).toEqual([3, 12]);
    expect(sum({ x }, { axes: [0, 1] }).shape).toEqual([]);
    expect(compute(mean({ x }, { axes: [1] }))).toEqual([1, 4]);
    expect(compute(mean({ x }, {}))).toEqual([2.5]);
  });

  it("repeats the gradient over what was summed", () => {
    expect(computeGradient(sum({ x }, { axes: [0] }), x, [1, 2, 3])).toEqual([1, 2, 3, 1, 2, 3]);
    expect(computeGradient(mean({ x }, { axes: [1] }), x, [3, 6])).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it("has gradients that are adjoints, over any axes", () => {
    forAll(fc.tuple(anyShapes, fc.infiniteStream(fc.boolean())), ([shape, choose]) => {
      const drawn = input("x", shape);
      const axes = shape.flatMap((_, axis) => (choose.next().value ? [axis] : []));
      expectLinear(sum({ x: drawn }, { axes }), drawn);
      expectLinear(mean({ x: drawn }, { axes }), drawn);
      expectLinear(broadcastTo({ x: drawn }, { shape: [2, ...shape] }), drawn);
      expectLinear(reshape({ x: drawn }, { shape: [...shape].reverse() }), drawn);
    });
  });

  it("finds the first greatest of each row, and the first broken value", () => {
    const rows = given([3, 3], [1, 5, 5, -1, -1, -2, 7, Number.NaN, 9]);
    expect(compute(argmax({ x: rows }, {}))).toEqual([1, 0, 1]);
  });

  it("refuses axes that are not there", () => {
    expect(() => sum({ x }, { axes: [2] })).toThrow("sum: axes [2] must ascend and lie within x [2, 3].");
    expect(() => mean({ x }, { axes: [1, 0] })).toThrow("mean: axes [1, 0] must ascend");
    expect(() => reshape({ x }, { shape: [4] })).toThrow("x [2, 3] has 6 elements, but shape [4] takes 4.");
  });
});
