import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll, imageShapes } from "../../test/shapes.ts";
import { input } from "./operation.ts";
import { subsample } from "./subsample.ts";

describe("subsample", () => {
  it("takes every stride-th place, the first included", () => {
    const x = counting([1, 3, 5, 1]);
    expect(compute(subsample({ x }, { stride: 2 }))).toEqual([0, 2, 4, 10, 12, 14]);
    expect(compute(subsample({ x }, { stride: [3, 4] }))).toEqual([0, 4]);
  });

  it("puts the gradient back between zeros", () => {
    const x = counting([1, 1, 4, 1]);
    expect(computeGradient(subsample({ x }, { stride: 2 }), x, [5, 6])).toEqual([5, 0, 6, 0]);
  });

  it("has a gradient that is its adjoint", () => {
    forAll(fc.tuple(imageShapes(), fc.constantFrom(1, 2, 3, 7)), ([shape, stride]) => {
      const x = input("x", shape);
      expectLinear(subsample({ x }, { stride }), x);
    });
  });

  it("refuses a stride of 0", () => {
    expect(() => subsample({ x: input("x", [1, 2, 2, 1]) }, { stride: 0 })).toThrow("subsample: stride is 0");
  });
});
