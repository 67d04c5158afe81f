import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { formulaOf, input, type Tensor } from "./operation.ts";
import { adaptiveAvgPool2d, upsampleBilinear2d, upsampleNearest2d } from "./resize2d.ts";

const resizes: Readonly<Record<string, (x: Tensor, size: readonly [number, number]) => Tensor>> = {
  upsampleNearest2d: (x, size) => upsampleNearest2d({ x }, { size }),
  upsampleBilinear2d: (x, size) => upsampleBilinear2d({ x }, { size }),
  "upsampleBilinear2d with aligned corners": (x, size) =>
    upsampleBilinear2d({ x }, { size, alignCorners: true }),
  adaptiveAvgPool2d: (x, size) => adaptiveAvgPool2d({ x }, { size }),
};

describe("resizing", () => {
  it("repeats the nearest value", () => {
    expect(compute(upsampleNearest2d({ x: counting([1, 2, 2, 1]) }, { scale: 2 }))).toEqual([
      0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3,
    ]);
    expect(compute(upsampleNearest2d({ x: counting([1, 1, 3, 1]) }, { size: [1, 5] }))).toEqual([
      0, 0, 1, 1, 2,
    ]);
  });

  it("takes weighted means between pixel centres", () => {
    const x = given([1, 1, 2, 1], [0, 4]);
    expect(compute(upsampleBilinear2d({ x }, { scale: [1, 2] }))).toEqual([0, 1, 3, 4]);
    expect(compute(upsampleBilinear2d({ x }, { size: [1, 5], alignCorners: true }))).toEqual([0, 1, 2, 3, 4]);
  });

  it("averages bins that overlap where they must", () => {
    expect(compute(adaptiveAvgPool2d({ x: given([1, 1, 4, 1], [1, 3, 5, 7]) }, { size: [1, 2] }))).toEqual([
      2, 6,
    ]);
    expect(compute(adaptiveAvgPool2d({ x: given([1, 1, 3, 1], [1, 3, 8]) }, { size: [1, 2] }))).toEqual([
      2, 5.5,
    ]);
  });

  it("sends the gradient back by the same weights", () => {
    const x = given([1, 1, 2, 1], [0, 0]);
    expect(computeGradient(upsampleBilinear2d({ x }, { scale: [1, 2] }), x, [0, 4, 0, 8])).toEqual([3, 9]);
    expect(computeGradient(upsampleNearest2d({ x }, { scale: [1, 2] }), x, [1, 2, 3, 4])).toEqual([3, 7]);
  });

  it("has gradients that are adjoints, between any sizes", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }));
    forAll(
      fc.tuple(sizes, sizes, fc.constantFrom(...Object.values(resizes))),
      ([[h, w], to, resize]) => {
        const x = input("x", [1, h, w, 2]);
        if (h !== to[0] || w !== to[1]) expectLinear(resize(x, to), x);
      },
      60,
    );
  });

  it("applies a matrix where rows do not repeat, to the same numbers", () => {
    for (const resize of Object.values(resizes)) {
      const x = counting([1, 2, 23, 1]);
      const wide = resize(x, [2, 37]);
      expect(wide.node?.operation.name).toBe("resampleThroughMatrix");
      // A constant stays, and so does the image's mirror image.
      const ones = given([1, 2, 23, 1], new Array(46).fill(1));
      for (const each of compute(resize(ones, [2, 37]))) expect(each).toBeCloseTo(1, 12);
      expectLinear(wide, x);
    }
    // Between 23 and 37 places with aligned corners values that count are spread evenly.
    const even = compute(
      upsampleBilinear2d({ x: counting([1, 1, 23, 1]) }, { size: [1, 37], alignCorners: true }),
    );
    for (const [i, each] of even.entries()) expect(each).toBeCloseTo((i * 22) / 36, 12);
  });

  it("needs no matrix for whole factors: few parts, weights that are constants", () => {
    const parts = (y: Tensor) => [y.node?.operation.name, formulaOf(y).length];
    const x = input("x", [1, 14, 14, 8]);
    expect(parts(upsampleNearest2d({ x }, { scale: 2 }))).toEqual(["resample", 4]);
    expect(parts(upsampleBilinear2d({ x }, { scale: 2 }))).toEqual(["resample", 16]);
  });

  it("refuses factors that are not whole", () => {
    const x = input("x", [1, 4, 4, 1]);
    expect(() => upsampleNearest2d({ x }, { scale: 1.5 })).toThrow(
      "upsampleNearest2d: scale is 1.5, but must be a whole number of at least 1. Give the size?",
    );
    expect(() => adaptiveAvgPool2d({ x }, { size: 0 })).toThrow("adaptiveAvgPool2d: size is 0");
  });
});
