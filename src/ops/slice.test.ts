import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, counting, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { anyShapes, forAll } from "../../test/shapes.ts";
import { input } from "./operation.ts";
import { row } from "./row.ts";
import { pad, slice } from "./slice.ts";

describe("slice and pad", () => {
  it("cuts out places of one axis", () => {
    const x = counting([2, 3]);
    expect(compute(slice({ x }, { from: 1, length: 2 }))).toEqual([1, 2, 4, 5]);
    expect(compute(slice({ x }, { from: 1, length: 1, axis: 0 }))).toEqual([3, 4, 5]);
    expect(compute(row({ x }, { row: 1 }))).toEqual([3, 4, 5]);
  });

  it("puts zeros around", () => {
    const x = given([1, 2], [1, 2]);
    expect(compute(pad({ x }, { before: [1, 0], after: [0, 1] }))).toEqual([0, 0, 0, 1, 2, 0]);
  });

  it("adds channels on both sides of an image, as shortcuts of option A do", () => {
    const x = given([1, 1, 2, 1], [1, 2]);
    const y = pad({ x }, { before: [0, 0, 0, 1], after: [0, 0, 0, 2] });
    expect(compute(y)).toEqual([0, 1, 0, 0, 0, 2, 0, 0]);
  });

  it("has gradients that are adjoints, along any axis", () => {
    const drawn = fc.tuple(
      anyShapes,
      fc.nat(),
      fc.nat(),
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }),
    );
    forAll(drawn, ([shape, a, b, zeros]) => {
      const x = input("x", shape);
      const axis = a % shape.length;
      const from = b % shape[axis];
      expectLinear(slice({ x }, { axis, from, length: shape[axis] - from }), x);
      const before = shape.map((_, each) => zeros[each]);
      const after = shape.map((_, each) => zeros[each + 4]);
      expectLinear(pad({ x }, { before, after }), x);
    });
  });

  it("refuses what lies outside", () => {
    const x = input("x", [2, 3]);
    expect(() => slice({ x }, { from: 2, length: 2 })).toThrow(
      "slice: 2 places from 2 on do not lie within the 3 of axis 1 of x [2, 3].",
    );
    expect(() => slice({ x }, { from: 0, length: 1, axis: 2 })).toThrow(
      "axis is 2, but x [2, 3] has axes 0 to 1",
    );
    expect(() => pad({ x }, { before: [0], after: [0, 0] })).toThrow("must have one number for each axis");
    expect(() => pad({ x }, { before: [0, -1], after: [0, 0] })).toThrow("pad: padding is -1");
    expect(() => row({ x }, { row: 2 })).toThrow("do not lie within");
  });
});
