import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting, given } from "../../test/compute.ts";
import { expectGradients, expectLinear } from "../../test/gradients.ts";
import { forAll, imageShapes } from "../../test/shapes.ts";
import { maxPool2d, maxPool2dGradient, maxPool2dIndices } from "./max-pool2d.ts";
import { formulaOf, input } from "./operation.ts";

const windows = fc.record({
  shape: imageShapes(5, 7),
  kernel: fc.constantFrom<number | readonly [number, number]>(1, 2, 3, [3, 2]),
  stride: fc.constantFrom(1, 2, 3, 4),
  dilation: fc.constantFrom(1, 1, 2),
  padding: fc.constantFrom<0 | 1 | "same">(0, 1, "same"),
  rounding: fc.constantFrom("floor" as const, "ceil" as const),
});

describe("maxPool2d", () => {
  it("takes the greatest of each window, and tiles the image by default", () => {
    const x = given([1, 2, 5, 1], [1, 5, 2, 0, 9, 3, 4, 8, 7, 9]);
    expect(compute(maxPool2d({ x }, { kernel: 2 }))).toEqual([5, 8]);
    expect(compute(maxPool2d({ x }, { kernel: 2, stride: 1 }))).toEqual([5, 8, 8, 9]);
    expect(compute(maxPool2d({ x }, { kernel: 2, rounding: "ceil" }))).toEqual([5, 8, 9]);
  });

  it("never takes padding for the greatest", () => {
    const x = given([1, 2, 2, 1], [-4, -3, -2, -1]);
    expect(compute(maxPool2d({ x }, { kernel: 3, stride: 1, padding: 1 }))).toEqual([-1, -1, -1, -1]);
  });

  it("sends the gradient to the first maximum of a window, row by row", () => {
    const x = given([1, 2, 3, 1], [1, 7, 7, 7, 7, 0]);
    const y = maxPool2d({ x }, { kernel: 2, stride: 1 });
    expect(computeGradient(y, x, [10, 1])).toEqual([0, 11, 0, 0, 0, 0]);
    expect(compute(maxPool2dIndices({ x }, { kernel: 2, stride: 1 }))).toEqual([1, 0]);
  });

  it("leaves at zero what no window holds", () => {
    const x = counting([1, 5, 5, 1]);
    const y = maxPool2d({ x }, { kernel: 1, stride: 3 });
    const dx = computeGradient(y, x, [1, 2, 3, 4]);
    expect(dx.flatMap((each, i) => (each === 0 ? [] : [[i, each]]))).toEqual([
      [0, 1],
      [3, 2],
      [15, 3],
      [18, 4],
    ]);
  });

  it("has gradients for any kernel, stride, padding, dilation and rounding", () => {
    forAll(
      windows,
      ({ shape, ...attributes }) => {
        fc.pre(attributes.padding !== 1 || (attributes.kernel !== 1 && attributes.dilation === 1));
        const x = input("x", shape);
        expectGradients(maxPool2d({ x }, attributes), [x]);
      },
      40,
    );
  });

  it("scatters and takes at the same places, where windows overlap and where they tile", () => {
    for (const attributes of [
      { kernel: 2 },
      { kernel: 2, stride: 3 },
      { kernel: 3, stride: 2, padding: 1 },
    ]) {
      const inputShape = [1, 7, 8, 3];
      const indices = maxPool2dIndices({ x: counting(inputShape) }, attributes);
      const dy = input("dy", indices.shape);
      expectLinear(maxPool2dGradient({ dy, indices }, { ...attributes, inputShape }), dy);
    }
  });

  it("walks tiles as they lie: one part, no sums, no conditions on edges", () => {
    const dy = input("dy", [1, 2, 2, 3]);
    const dx = maxPool2dGradient({ dy, indices: dy }, { kernel: 2, inputShape: [1, 4, 4, 3] });
    expect(formulaOf(dx)).toHaveLength(1);
    expect(formulaOf(dx)[0].axes.map((axis) => axis.extent)).toEqual([1, 2, 2, 2, 2, 3]);
  });

  it("refuses more padding than half a kernel, as PyTorch does", () => {
    expect(() => maxPool2d({ x: input("x", [1, 4, 4, 1]) }, { kernel: 3, padding: 2 })).toThrow(
      "maxPool2d: padding is 2, but must be at most 1, half of the 3 places that a window spans.",
    );
    expect(() => maxPool2d({ x: input("x", [1, 1, 1, 1]) }, { kernel: 2, dilation: 2, padding: 1 })).toThrow(
      "has no tap on the 1 places of the input",
    );
    expect(() => maxPool2d({ x: input("x", [4, 4]) }, { kernel: 2 })).toThrow(
      "x [4, 4] must have four axes, [n, h, w, c]",
    );
  });
});
