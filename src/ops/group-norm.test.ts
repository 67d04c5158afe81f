import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { groupNorm } from "./group-norm.ts";
import { input } from "./operation.ts";

const none = { weight: undefined, bias: undefined };

describe("groupNorm", () => {
  it("normalises the channels of each group of each image together", () => {
    // Group 0 holds 1, 3, 5, 7: mean 4, variance 5; group 1 is constant.
    const x = given([1, 1, 2, 3], [1, 3, 9, 5, 7, 9].slice(0, 6));
    expect(() => groupNorm({ x, ...none }, { groups: 2 })).toThrow(
      "groupNormShiftedSums: groups is 2, but must be whole and divide the 3 channels of x [1, 1, 2, 3].",
    );
    const even = given([1, 1, 2, 4], [1, 3, 9, 9, 5, 7, 9, 9]);
    const third = 1 / 3;
    expect(compute(groupNorm({ x: even, ...none }, { groups: 2, epsilon: 4 }))).toEqual([
      -1,
      -third,
      0,
      0,
      third,
      1,
      0,
      0,
    ]);
    const [weight, bias] = [given([4], [3, 6, 1, 1]), given([4], [0, 1, 2, 3])];
    expect(compute(groupNorm({ x: even, weight, bias }, { groups: 2, epsilon: 4 }))).toEqual([
      -3, -1, 2, 3, 1, 7, 2, 3,
    ]);
  });

  it("has gradients of x, weight and bias, for one group to as many as channels", () => {
    const drawn = fc.record({
      n: fc.constantFrom(1, 2),
      h: fc.constantFrom(1, 3),
      w: fc.constantFrom(1, 2),
      groups: fc.constantFrom(1, 2, 3),
      perGroup: fc.constantFrom(1, 2, 3),
    });
    forAll(drawn, ({ n, h, w, groups, perGroup }) => {
      const c = groups * perGroup;
      const inputs = { x: input("x", [n, h, w, c]), weight: input("weight", [c]), bias: input("bias", [c]) };
      expectGradients(groupNorm(inputs, { groups, epsilon: 0.1 }), Object.values(inputs));
      expectGradients(groupNorm({ x: inputs.x, ...none }, { groups, epsilon: 0.1 }), [inputs.x]);
    });
  });

  it("refuses vectors of another length", () => {
    const x = input("x", [1, 2, 2, 4]);
    expect(() => groupNorm({ x, weight: input("weight", [2]), bias: undefined }, { groups: 2 })).toThrow(
      "weight [2] must be [4], one number for each channel.",
    );
  });
});
