import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectAdjoint } from "../../test/gradients.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "./conv2d.ts";
import { input } from "./operation.ts";

const cases = fc.record({
  n: fc.integer({ min: 1, max: 2 }),
  h: fc.integer({ min: 5, max: 9 }),
  w: fc.integer({ min: 5, max: 9 }),
  c: fc.integer({ min: 1, max: 3 }),
  k: fc.integer({ min: 1, max: 3 }),
  groups: fc.constantFrom(1, 1, 2, 3),
  r: fc.integer({ min: 1, max: 3 }),
  s: fc.integer({ min: 1, max: 3 }),
  stride: fc.constantFrom(1, 2, 3),
  dilation: fc.constantFrom(1, 2),
  padding: fc.constantFrom<0 | 1 | 2 | "same" | { top: number; bottom: number; left: number; right: number }>(
    0,
    1,
    2,
    "same",
    { top: 1, bottom: 0, left: 2, right: 1 },
  ),
});

describe("conv2d", () => {
  it("has gradients that are its adjoints, for any stride, padding, dilation and groups", () => {
    fc.assert(
      fc.property(cases, ({ n, h, w, c, k, groups, r, s, ...attributes }) => {
        const x = input("x", [n, h, w, c * groups]);
        const weight = input("weight", [r, s, c, k * groups]);
        const y = conv2d({ x, weight, bias: undefined }, { ...attributes, groups });
        const dy = input("dy", y.shape);
        expectAdjoint(
          y,
          x,
          dy,
          conv2dInputGradient({ dy, weight }, { ...attributes, groups, inputShape: x.shape }),
        );
        expectAdjoint(
          y,
          weight,
          dy,
          conv2dWeightGradient({ x, dy }, { ...attributes, groups, weightShape: weight.shape }),
        );
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("says what fits when channels and groups do not", () => {
    const x = input("x", [1, 8, 8, 128]);
    const weight = input("weight", [3, 3, 64, 256]);
    expect(() => conv2d({ x, weight, bias: undefined }, {})).toThrow(
      "conv2d: x has 128 channels, but weight [3, 3, 64, 256] with groups 1 takes 64. Set groups to 2?",
    );
  });
});
