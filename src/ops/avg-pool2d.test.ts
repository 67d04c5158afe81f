import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll, imageShapes } from "../../test/shapes.ts";
import { avgPool2d } from "./avg-pool2d.ts";
import { input } from "./operation.ts";

const windows = fc.record({
  shape: imageShapes(4, 7),
  kernel: fc.constantFrom<number | readonly [number, number]>(2, 3, [3, 2]),
  stride: fc.constantFrom(1, 2, 3, 4),
  padding: fc.constantFrom<0 | 1 | "same">(0, 1, "same"),
  rounding: fc.constantFrom("floor" as const, "ceil" as const),
  countIncludePad: fc.boolean(),
});

describe("avgPool2d", () => {
  it("takes the mean of each window", () => {
    expect(compute(avgPool2d({ x: given([1, 2, 4, 1], [1, 3, 5, 7, 5, 7, 9, 3]) }, { kernel: 2 }))).toEqual([
      4, 6,
    ]);
  });

  it("divides by all places of a window, or by those on the image", () => {
    const x = given([1, 1, 2, 1], [6, 12]);
    const attributes = { kernel: [1, 3], stride: 1, padding: [0, 1] } as const;
    expect(compute(avgPool2d({ x }, attributes))).toEqual([6, 6]);
    expect(compute(avgPool2d({ x }, { ...attributes, countIncludePad: false }))).toEqual([9, 9]);
  });

  it("never counts the overhang that rounding up allows", () => {
    const x = given([1, 1, 3, 1], [2, 4, 9]);
    const attributes = { kernel: [1, 2], stride: 2, rounding: "ceil" } as const;
    expect(compute(avgPool2d({ x }, attributes))).toEqual([3, 9]);
    expect(computeGradient(avgPool2d({ x }, attributes), x)).toEqual([0.5, 0.5, 1]);
  });

  it("shares the gradient among the places of a window", () => {
    const x = counting([1, 3, 5, 1]);
    expect(computeGradient(avgPool2d({ x }, { kernel: 2 }), x, [4, 8])).toEqual([
      1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it("has a gradient that is its adjoint, for any kernel, stride, padding and rounding", () => {
    forAll(
      windows,
      ({ shape, ...attributes }) => {
        const x = input("x", shape);
        expectLinear(avgPool2d({ x }, attributes), x);
      },
      60,
    );
  });

  it("refuses more padding than half a kernel", () => {
    expect(() => avgPool2d({ x: input("x", [1, 4, 4, 1]) }, { kernel: 2, padding: 2 })).toThrow(
      "avgPool2d: padding is 2, but must be at most 1",
    );
  });
});
