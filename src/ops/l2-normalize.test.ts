import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { anyShapes, forAll } from "../../test/shapes.ts";
import { l2Normalize } from "./l2-normalize.ts";
import { input } from "./operation.ts";

describe("l2Normalize", () => {
  it("brings rows to length 1, and leaves a row of zeros", () => {
    const x = given([2, 2], [3, 4, 0, 0]);
    expect(compute(l2Normalize({ x }))).toEqual([0.6, 0.8, 0, 0]);
    expect(computeGradient(l2Normalize({ x }, { epsilon: 0.5 }), x).slice(2)).toEqual([2, 2]);
  });

  it("has gradients, for tensors of any rank", () => {
    forAll(anyShapes, (shape) => {
      const x = input("x", shape);
      expectGradients(l2Normalize({ x }), [x]);
      expectGradients(l2Normalize({ x }, { epsilon: 9 }), [x]);
    });
  });

  it("refuses an epsilon of 0", () => {
    expect(() => l2Normalize({ x: input("x", [2]) }, { epsilon: 0 })).toThrow("epsilon is 0");
  });
});
