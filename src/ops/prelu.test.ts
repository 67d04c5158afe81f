import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { anyShapes, forAll } from "../../test/shapes.ts";
import { input } from "./operation.ts";
import { prelu } from "./prelu.ts";

describe("prelu", () => {
  const x = given([2, 2], [-4, 4, 8, -8]);

  it("multiplies what is negative by the channel's slope", () => {
    expect(compute(prelu({ x, weight: given([2], [0.25, 0.5]) }, {}))).toEqual([-1, 4, 8, -4]);
    expect(compute(prelu({ x, weight: given([1], [0.5]) }, {}))).toEqual([-2, 4, 8, -4]);
  });

  it("learns a slope from what was negative", () => {
    const weight = given([2], [0.25, 0.5]);
    const y = prelu({ x, weight }, {});
    expect(computeGradient(y, x, [1, 10, 100, 1000])).toEqual([0.25, 10, 100, 500]);
    expect(computeGradient(y, weight, [1, 10, 100, 1000])).toEqual([-4, -8000]);
  });

  it("has gradients of x and of the slopes, one a channel or one for all", () => {
    forAll(anyShapes, (shape) => {
      const drawn = input("x", shape);
      for (const slopes of new Set([1, shape[shape.length - 1]])) {
        const weight = input("weight", [slopes]);
        expectGradients(prelu({ x: drawn, weight }, {}), [drawn, weight]);
      }
    });
  });

  it("says how many slopes fit", () => {
    expect(() => prelu({ x, weight: input("weight", [3]) }, {})).toThrow(
      "prelu: weight [3] must be [2], a slope for each channel of x [2, 2], or [1].",
    );
  });
});
