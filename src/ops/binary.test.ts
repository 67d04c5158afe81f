import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { size } from "../tensor/shape.ts";
import { add } from "./add.ts";
import { divide } from "./divide.ts";
import { multiply } from "./multiply.ts";
import { input } from "./operation.ts";
import { subtract } from "./subtract.ts";

describe("operations on two tensors", () => {
  const a = given([2, 2], [8, 6, 4, 2]);
  const b = given([2], [2, 1]);

  it("repeats the smaller along the axes it lacks", () => {
    expect(compute(add({ a, b }, {}))).toEqual([10, 7, 6, 3]);
    expect(compute(subtract({ a, b }, {}))).toEqual([6, 5, 2, 1]);
    expect(compute(subtract({ a: b, b: a }, {}))).toEqual([-6, -5, -2, -1]);
    expect(compute(multiply({ a, b }, {}))).toEqual([16, 6, 8, 2]);
    expect(compute(divide({ a, b }, {}))).toEqual([4, 6, 2, 2]);
  });

  it("sums gradients over what was repeated", () => {
    const shapes = fc.tuple(
      fc.constantFrom([2, 3], [1, 3], [2, 1], [3], [1], []),
      fc.constantFrom([2, 3], [1, 3], [2, 1], [3], [1], []),
    );
    for (const op of [add, subtract, multiply, divide])
      forAll(shapes, ([left, right]) => {
        const [x, y] = [input("a", left), input("b", right)];
        const away = Float64Array.from({ length: size(right) }, (_, i) => 1 + i / 2);
        expectGradients(op({ a: x, b: y }, {}), [x, y], { feeds: new Map([[y, away]]) });
      });
  });

  it("says which axis does not broadcast", () => {
    expect(() => subtract({ a, b: given([3], [1, 2, 3]) }, {})).toThrow(
      "subtract: shapes [2, 2] and [3] do not broadcast: axis -1 has extents 2 and 3.",
    );
  });
});
