import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { meanSquaredError } from "./mean-squared-error.ts";
import { input } from "./operation.ts";

describe("meanSquaredError", () => {
  it("averages squares of differences", () => {
    const [x, target] = [given([1, 3], [1, 2, 3]), given([1, 3], [1, 5, 6])];
    expect(compute(meanSquaredError({ x, target }))).toEqual([6]);
  });

  it("has gradients of both sides", () => {
    const [x, target] = [input("x", [2, 3]), input("target", [2, 3])];
    expectGradients(meanSquaredError({ x, target }), [x, target]);
  });

  it("refuses to broadcast", () => {
    expect(() => meanSquaredError({ x: input("x", [4, 1]), target: input("target", [4]) })).toThrow(
      "meanSquaredError: x [4, 1] and target [4] must have one shape. Reshape one of them?",
    );
  });
});
