import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { input } from "./operation.ts";
import { reflectionPad2d } from "./reflection-pad2d.ts";

describe("reflectionPad2d", () => {
  it("mirrors rows and columns without repeating the edge", () => {
    const x = counting([1, 2, 3, 1], 1);
    expect(compute(reflectionPad2d({ x }, { padding: 1 }))).toEqual([
      5, 4, 5, 6, 5, 2, 1, 2, 3, 2, 5, 4, 5, 6, 5, 2, 1, 2, 3, 2,
    ]);
  });

  it("sends gradients back from the mirrors", () => {
    const x = counting([1, 2, 3, 1], 1);
    const dx = computeGradient(reflectionPad2d({ x }, { padding: 1 }), x);
    // How often each place is seen: rows twice, columns once, thrice and once.
    expect(dx).toEqual([2, 6, 2, 2, 6, 2]);
  });

  it("has its adjoint for a gradient, where mirrors overlap too", () => {
    const drawn = fc.record({
      h: fc.integer({ min: 1, max: 6 }),
      w: fc.integer({ min: 1, max: 6 }),
      c: fc.constantFrom(1, 3),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    forAll(
      drawn,
      ({ h, w, c, part }) => {
        const padding = Math.floor(part * (Math.min(h, w) - 0.5));
        const x = input("x", [2, h, w, c]);
        expectLinear(reflectionPad2d({ x }, { padding }), x);
      },
      24,
    );
  });

  it("refuses more padding than there is to mirror", () => {
    const x = input("x", [1, 4, 3, 1]);
    expect(() => reflectionPad2d({ x }, { padding: 3 })).toThrow(ShapeError);
    expect(() => reflectionPad2d({ x }, { padding: 3 })).toThrow(
      "reflectionPad2d: x [1, 4, 3, 1] is too small to be mirrored over 3 places: give more than 3 rows and columns.",
    );
    expect(() => reflectionPad2d({ x }, { padding: 0.5 })).toThrow(OptionError);
  });
});
