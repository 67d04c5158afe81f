import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectGradients, expectLinear } from "../../test/gradients.ts";
import { forAll, imageShapes } from "../../test/shapes.ts";
import { globalAveragePool2d, globalMaxPool2d } from "./global-pool2d.ts";
import { input } from "./operation.ts";

describe("global pooling", () => {
  const x = given([1, 2, 2, 2], [1, 8, 2, 8, 3, 4, 6, 0]);

  it("gives one number a channel: its mean, or its maximum", () => {
    expect(compute(globalAveragePool2d({ x }, {}))).toEqual([3, 5]);
    expect(compute(globalMaxPool2d({ x }, {}))).toEqual([6, 8]);
  });

  it("sends the gradient to all places alike, or to the first maximum", () => {
    expect(computeGradient(globalAveragePool2d({ x }, {}), x, [4, 8])).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
    expect(computeGradient(globalMaxPool2d({ x }, {}), x, [4, 8])).toEqual([0, 8, 0, 0, 0, 0, 4, 0]);
  });

  it("has gradients for any image", () => {
    forAll(imageShapes(), (shape) => {
      const drawn = input("x", shape);
      expectLinear(globalAveragePool2d({ x: drawn }, {}), drawn);
      expectGradients(globalMaxPool2d({ x: drawn }, {}), [drawn]);
    });
  });

  it("sees the whole image from each place", () => {
    expect(globalAveragePool2d.operation.window?.({}, { x: [1, 7, 5, 3] }).kernel).toEqual([7, 5]);
  });
});
