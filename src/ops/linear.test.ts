import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll, rowShapes } from "../../test/shapes.ts";
import { linear } from "./linear.ts";
import { input } from "./operation.ts";

describe("linear", () => {
  it("multiplies rows by the weight and adds the bias", () => {
    const x = given([2, 2], [1, 2, 3, 4]);
    const weight = given([2, 3], [1, 0, 2, 0, 1, 3]);
    expect(compute(linear({ x, weight, bias: undefined }, {}))).toEqual([1, 2, 8, 3, 4, 18]);
    const bias = given([3], [10, 20, 30]);
    expect(compute(linear({ x, weight, bias }, {}))).toEqual([11, 22, 38, 13, 24, 48]);
  });

  it("has gradients of x, weight and bias", () => {
    forAll(rowShapes, ([n, c]) => {
      const inputs = { x: input("x", [n, c]), weight: input("weight", [c, 3]), bias: input("bias", [3]) };
      expectGradients(linear(inputs, {}), Object.values(inputs));
    });
  });

  it("costs a multiply-add for each weight and row", () => {
    expect(
      linear.operation.cost?.({ x: [2, 9216], weight: [9216, 4096], bias: [4096] }, [2, 4096], {}),
    ).toEqual({
      macs: 2 * 37_748_736,
    });
  });

  it("points to flatten where images come", () => {
    const weight = input("weight", [4, 3]);
    expect(() => linear({ x: input("x", [1, 2, 2, 1]), weight, bias: undefined }, {})).toThrow(
      "linear: x [1, 2, 2, 1] and weight [4, 3] must have two axes, [n, c] and [c, k]. Flatten x first?",
    );
    expect(() => linear({ x: input("x", [1, 5]), weight, bias: undefined }, {})).toThrow(
      "x [1, 5] has rows of 5, but weight [4, 3] takes 4.",
    );
  });
});
