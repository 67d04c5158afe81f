import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, counting, given } from "../../test/compute.ts";
import { expectAdjoint, expectLinear } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { type Conv2dAttributes, conv2d, conv2dInputGradient, conv2dWeightGradient } from "./conv2d.ts";
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

function convolve(
  x: ReturnType<typeof input>,
  weight: ReturnType<typeof input>,
  attributes: Conv2dAttributes,
) {
  return conv2d({ x, weight, bias: undefined }, attributes);
}

describe("conv2d", () => {
  it("sums products over a window, without turning the filter round", () => {
    const x = counting([1, 3, 3, 1]);
    const weight = given([2, 2, 1, 1], [1, 2, 3, 4]);
    // 0·1 + 1·2 + 3·3 + 4·4 = 27; a step to the right adds 1 + 2 + 3 + 4, a step down three times that.
    expect(compute(convolve(x, weight, {}))).toEqual([27, 37, 57, 67]);
    expect(compute(conv2d({ x, weight, bias: given([1], [100]) }, {}))).toEqual([127, 137, 157, 167]);
  });

  it("counts zeros around the image, and steps over places", () => {
    const x = counting([1, 3, 3, 1], 1);
    const ones = given([3, 3, 1, 1], new Array(9).fill(1));
    expect(compute(convolve(x, ones, { padding: 1 }))).toEqual([12, 21, 16, 27, 45, 33, 24, 39, 28]);
    expect(compute(convolve(x, ones, { padding: 1, stride: 2 }))).toEqual([12, 16, 24, 28]);
    const corners = given([2, 2, 1, 1], [1, 1, 1, 1]);
    expect(compute(convolve(x, corners, { dilation: 2 }))).toEqual([1 + 3 + 7 + 9]);
  });

  it("gives each channel its own filter where groups are the channels", () => {
    const x = given([1, 1, 2, 2], [1, 10, 2, 20]);
    const weight = given([1, 2, 1, 2], [1, 2, 3, 4]);
    // Channel 0: 1·1 + 2·3; channel 1: 10·2 + 20·4.
    expect(compute(convolve(x, weight, { groups: 2 }))).toEqual([7, 100]);
  });

  it("lets a depthwise convolution make several channels of one", () => {
    const x = given([1, 1, 1, 2], [1, 10]);
    const weight = given([1, 1, 1, 4], [1, 2, 3, 4]);
    expect(compute(convolve(x, weight, { groups: 2 }))).toEqual([1, 2, 30, 40]);
  });

  it("costs a multiply-add for each weight at each place: conv1 of AlexNet has 105 M", () => {
    const shapes = { x: [1, 227, 227, 3], weight: [11, 11, 3, 96], bias: [96] };
    expect(conv2d.operation.cost?.(shapes, [1, 55, 55, 96], { stride: 4 }).macs).toBe(105_415_200);
    const y = convolve(input("x", shapes.x), input("weight", shapes.weight), { stride: 4 });
    expect(y.shape).toEqual([1, 55, 55, 96]);
  });

  it("refuses sizes that the stride does not divide where rounding is exact", () => {
    const weight = input("weight", [3, 3, 1, 1]);
    const exact = { stride: 2, rounding: "exact" } as const;
    expect(convolve(input("x", [1, 7, 7, 1]), weight, exact).shape).toEqual([1, 3, 3, 1]);
    expect(() => convolve(input("x", [1, 8, 8, 1]), weight, exact)).toThrow(
      "conv2d: (8 + 0 − 3) / 2 + 1 is not whole: kernel 3 at stride 2 does not fit.",
    );
  });

  it("has gradients that are its adjoints, for any stride, padding, dilation and groups", () => {
    forAll(
      cases,
      ({ n, h, w, c, k, groups, r, s, ...attributes }) => {
        const x = input("x", [n, h, w, c * groups]);
        const weight = input("weight", [r, s, c, k * groups]);
        const y = convolve(x, weight, { ...attributes, groups });
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
      },
      60,
    );
  });

  it("can be differentiated twice", () => {
    const [x, weight] = [input("x", [1, 6, 5, 4]), input("weight", [3, 2, 2, 6])];
    const y = conv2d({ x, weight, bias: undefined }, { groups: 2, stride: 2, padding: 1 });
    expectLinear(y, x);
    expectLinear(y, weight);
  });

  it("says what fits when channels and groups do not", () => {
    const x = input("x", [1, 8, 8, 128]);
    const weight = input("weight", [3, 3, 64, 256]);
    expect(() => convolve(x, weight, {})).toThrow(
      "conv2d: x has 128 channels, but weight [3, 3, 64, 256] with groups 1 takes 64. Set groups to 2?",
    );
  });

  it("names the option that is wrong, and the layer", () => {
    const [x, weight] = [input("x", [1, 8, 8, 1]), input("weight", [3, 3, 1, 1])];
    expect(() => convolve(x, weight, { stride: 0 })).toThrow(
      "conv2d: stride is 0, but must be a whole number of at least 1.",
    );
    expect(() => convolve(x, weight, { padding: -1 })).toThrow("conv2d: padding is -1");
    expect(() => conv2d({ x, weight, bias: input("bias", [2]) }, {})).toThrow("bias [2] must be [1]");
  });
});
