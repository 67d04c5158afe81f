import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { localResponseNorm } from "./local-response-norm.ts";
import { input } from "./operation.ts";

describe("localResponseNorm", () => {
  it("divides by the neighbours' mean square, zeros beyond the edge counted", () => {
    const x = given([1, 1, 1, 3], [3, 6, 9]);
    // alpha/size is 1: sums of squares 9 + 36, 9 + 36 + 81 and 36 + 81, and k.
    expect(compute(localResponseNorm({ x }, { size: 3, alpha: 3, beta: 1, k: 3 }))).toEqual([
      3 / 48,
      6 / 129,
      9 / 120,
    ]);
  });

  it("takes one more channel before than after where size is even, as PyTorch does", () => {
    const x = given([1, 1, 1, 3], [3, 6, 9]);
    expect(compute(localResponseNorm({ x }, { size: 2, alpha: 2, beta: 1, k: 1 }))).toEqual([
      3 / 10,
      6 / 46,
      9 / 118,
    ]);
  });

  it("has gradients, for the powers that are roots and for others", () => {
    const drawn = fc.record({
      c: fc.constantFrom(1, 3, 7),
      size: fc.constantFrom(1, 2, 3, 5),
      beta: fc.constantFrom(0.5, 0.6, 0.75, 1),
    });
    forAll(
      drawn,
      ({ c, ...attributes }) => {
        const x = input("x", [1, 2, 1, c]);
        expectGradients(localResponseNorm({ x }, { ...attributes, alpha: 2, k: 1 }), [x]);
      },
      20,
    );
  });

  it("refuses a base that could be 0", () => {
    const x = input("x", [1, 1, 1, 3]);
    expect(() => localResponseNorm({ x }, { size: 5, k: 0 })).toThrow("k is 0, but must be above 0.");
    expect(() => localResponseNorm({ x }, { size: 0 })).toThrow("size is 0");
  });
});
