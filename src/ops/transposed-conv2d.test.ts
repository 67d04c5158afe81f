import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients, expectLinear } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { input } from "./operation.ts";
import { transposedConv2d } from "./transposed-conv2d.ts";

const bias = undefined;

describe("transposedConv2d", () => {
  it("adds a multiple of the filter at each place", () => {
    const x = given([1, 1, 2, 1], [1, 10]);
    const weight = given([1, 3, 1, 1], [1, 2, 3]);
    // 1·[1 2 3] at 0, and 10·[1 2 3] one place or, with the stride, two places further.
    expect(compute(transposedConv2d({ x, weight, bias }, {}))).toEqual([1, 12, 23, 30]);
    expect(compute(transposedConv2d({ x, weight, bias }, { stride: [1, 2] }))).toEqual([1, 2, 13, 20, 30]);
    expect(compute(transposedConv2d({ x, weight, bias: given([1], [100]) }, {}))).toEqual([
      101, 112, 123, 130,
    ]);
  });

  it("cuts padding off and adds output padding", () => {
    const x = given([1, 1, 2, 1], [1, 10]);
    const weight = given([1, 3, 1, 1], [1, 2, 3]);
    const options = { stride: [1, 2], padding: [0, 1] } as const;
    expect(compute(transposedConv2d({ x, weight, bias }, options))).toEqual([2, 13, 20]);
    expect(compute(transposedConv2d({ x, weight, bias }, { ...options, outputPadding: [0, 1] }))).toEqual([
      2, 13, 20, 30,
    ]);
  });

  it("leaves places between far apart filters at the bias", () => {
    const y = transposedConv2d(
      { x: given([1, 1, 2, 1], [1, 10]), weight: given([1, 1, 1, 1], [1]), bias: given([1], [7]) },
      { stride: 3 },
    );
    expect(compute(y)).toEqual([8, 7, 7, 17]);
  });

  it("has gradients that are its adjoints", () => {
    const cases = fc.record({
      size: fc.integer({ min: 1, max: 4 }),
      c: fc.constantFrom(1, 3),
      k: fc.constantFrom(1, 2),
      groups: fc.constantFrom(1, 2),
      r: fc.integer({ min: 1, max: 4 }),
      stride: fc.constantFrom(1, 2, 3),
      dilation: fc.constantFrom(1, 2),
      padding: fc.constantFrom(0, 1),
      extra: fc.constantFrom(0, 1, 2),
    });
    forAll(
      cases,
      ({ size, c, k, groups, r, stride, dilation, padding, extra }) => {
        fc.pre((size - 1) * stride - 2 * padding + dilation * (r - 1) >= 0);
        const outputPadding = Math.min(extra, stride - 1);
        const x = input("x", [1, size, size + 1, c * groups]);
        const weight = input("weight", [r, r, k, c * groups]);
        const y = transposedConv2d({ x, weight, bias }, { stride, dilation, padding, outputPadding, groups });
        expectLinear(y, x);
        expectLinear(y, weight);
      },
      30,
    );
    const inputs = { x: input("x", [1, 2, 3, 2]), weight: input("w", [2, 2, 3, 2]), bias: input("b", [3]) };
    expectGradients(transposedConv2d(inputs, { stride: 2 }), [inputs.bias]);
  });

  it("refuses what no convolution undoes", () => {
    const [x, weight] = [input("x", [1, 4, 4, 2]), input("weight", [3, 3, 1, 2])];
    expect(() => transposedConv2d({ x, weight, bias }, { stride: 2, outputPadding: 2 })).toThrow(
      "transposedConv2d: outputPadding is 2, but must be below the stride of 2.",
    );
    expect(() => transposedConv2d({ x, weight: input("weight", [3, 3, 2, 5]), bias }, {})).toThrow(
      "x [1, 4, 4, 2] has 2 channels, but weight [3, 3, 2, 5] must be [r, s, k/groups, 2].",
    );
  });
});
