import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, counting, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { concat } from "./concat.ts";
import { input } from "./operation.ts";
import { slice } from "./slice.ts";

describe("concat", () => {
  it("joins along the last axis, in the order of the names", () => {
    const a = given([1, 2, 1, 1], [1, 2]);
    const b = given([1, 2, 1, 2], [3, 4, 5, 6]);
    expect(compute(concat({ 0: a, 1: b }, {}))).toEqual([1, 3, 4, 2, 5, 6]);
    expect(compute(concat({ 1: b, 0: a, 2: a }, {}))).toEqual([1, 3, 4, 1, 2, 5, 6, 2]);
  });

  it("gives each input the gradient of its own channels", () => {
    const [a, b] = [given([2, 1], [0, 0]), given([2, 2], [0, 0, 0, 0])];
    const y = concat({ ...[a, b] }, {});
    expect(computeGradient(y, a, [1, 2, 3, 4, 5, 6])).toEqual([1, 4]);
    expect(computeGradient(y, b, [1, 2, 3, 4, 5, 6])).toEqual([2, 3, 5, 6]);
    expectGradients(concat({ 0: a, 1: b, 2: a }, {}), [a, b]);
  });

  it("is undone by slice, for any number of inputs and axes", () => {
    const drawn = fc.tuple(
      fc.array(fc.constantFrom(1, 2, 3), { maxLength: 3 }),
      fc.array(fc.constantFrom(1, 3, 5), { minLength: 1, maxLength: 4 }),
    );
    forAll(drawn, ([outer, widths]) => {
      const parts = widths.map((width, i) => counting([...outer, width], 100 * i));
      const joined = concat({ ...parts }, {});
      let from = 0;
      for (const [i, length] of widths.entries()) {
        expect(compute(slice({ x: joined }, { from, length }))).toEqual(compute(parts[i]));
        from += length;
      }
    });
  });

  it("says which input does not fit", () => {
    const [a, b] = [input("a", [1, 4, 4, 2]), input("b", [1, 5, 4, 2])];
    expect(() => concat({ 0: a, 1: b }, {})).toThrow(
      "concat: input 1 [1, 5, 4, 2] does not join input 0 [1, 4, 4, 2]: all axes but the last must be equal.",
    );
    expect(() => concat({}, {})).toThrow("concat: nothing to join");
  });
});
