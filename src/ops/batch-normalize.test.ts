import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { size } from "../tensor/shape.ts";
import { batchMoments } from "./batch-moments.ts";
import { batchNormalize } from "./batch-normalize.ts";
import { formulaOf, input } from "./operation.ts";
import { runningStatistics } from "./running-statistics.ts";

const none = { weight: undefined, bias: undefined };
const shapes = fc.constantFrom([2, 3, 1, 1], [1, 2, 3, 3], [3, 1, 1, 5], [2, 2, 2, 7], [4, 3]);

describe("batchMoments", () => {
  it("gives mean and biased variance of each channel", () => {
    const x = given([2, 1, 2, 2], [1, 10, 3, 10, 5, 10, 7, 10]);
    expect(compute(batchMoments({ x }))).toEqual([4, 10, 5, 0]);
  });

  it("loses nothing where the mean is large beside the deviation", () => {
    const x = given([4, 1], [1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3]);
    expect(compute(batchMoments({ x }))).toEqual([1e9 + 1.5, 1.25]);
  });

  it("has a gradient of its own, for whoever asks for the moments", () => {
    forAll(shapes, (shape) => {
      const x = input("x", shape);
      expectGradients(batchMoments({ x }), [x]);
    });
  });

  it("sums in parts of one reduction each, over the same axes", () => {
    const moments = batchMoments({ x: input("x", [2, 3, 3, 4]) });
    const sums = moments.node?.inputs.sums;
    if (sums === undefined) throw new Error("no sums");
    expect(formulaOf(sums).map((part) => part.value.node.kind)).toEqual(["reduce", "reduce"]);
  });
});

describe("batchNormalize", () => {
  it("brings each channel to mean 0 and variance 1, then scales and shifts", () => {
    const x = given([4, 1], [1, 3, 5, 7]);
    // Mean 4 and variance 5; an epsilon of 4 makes the divisor 3.
    const moments = batchMoments({ x });
    expect(compute(batchNormalize({ x, moments, ...none }, { epsilon: 4 }))).toEqual([-1, -1 / 3, 1 / 3, 1]);
    const affine = { weight: given([1], [3]), bias: given([1], [10]) };
    expect(compute(batchNormalize({ x, moments, ...affine }, { epsilon: 4 }))).toEqual([7, 9, 11, 13]);
  });

  it("leaves mean 0 and variance 1 behind, whatever came in", () => {
    forAll(shapes, (shape) => {
      fc.pre(shape.length === 4);
      const x = given(
        shape,
        Array.from({ length: size(shape) }, (_, i) => Math.sin(i * 7) * 50),
      );
      const y = batchNormalize({ x, moments: batchMoments({ x }), ...none }, { epsilon: 1e-9 });
      const [c, after] = [shape[3], compute(batchMoments({ x: y }))];
      for (let i = 0; i < c; i++) expect(after[i]).toBeCloseTo(0, 9);
      if (shape[0] * shape[1] * shape[2] > 1)
        for (let i = c; i < 2 * c; i++) expect(after[i]).toBeCloseTo(1, 9);
    });
  });

  it("has gradients through the moments of its own x", () => {
    forAll(shapes, (shape) => {
      const channels = [shape[shape.length - 1]];
      const [x, weight, bias] = [input("x", shape), input("weight", channels), input("bias", channels)];
      const moments = batchMoments({ x });
      expectGradients(batchNormalize({ x, moments, weight, bias }, { epsilon: 0.1 }), [x, weight, bias]);
      expectGradients(batchNormalize({ x, moments, ...none }, { epsilon: 0.1 }), [x]);
    });
  });

  it("has gradients of moments that come from elsewhere", () => {
    const [x, other] = [input("x", [2, 2, 1, 3]), input("other", [5, 3])];
    const [weight, bias] = [input("weight", [3]), input("bias", [3])];
    const mixed = batchNormalize({ x, moments: batchMoments({ x: other }), weight, bias }, { epsilon: 0.1 });
    expectGradients(mixed, [x, other, weight, bias]);
  });

  it("refuses vectors of another length", () => {
    const x = input("x", [2, 2, 2, 4]);
    const moments = batchMoments({ x });
    expect(() => batchNormalize({ x, moments, weight: input("weight", [3]), bias: undefined })).toThrow(
      "batchNormScale: weight [3] must be [4], one number for each channel.",
    );
    expect(() => batchNormalize({ x, moments, ...none }, { epsilon: 0 })).toThrow(
      "epsilon is 0, but must be above 0",
    );
    expect(() => batchNormalize({ x: input("x", [2, 2, 2, 5]), moments, ...none })).toThrow(
      "batchNormalize: x [2, 2, 2, 5] has 5 channels, but moments are [2, 4].",
    );
    expect(() => batchMoments({ x: input("x", [4]) })).toThrow("must have a batch axis");
  });
});

describe("runningStatistics", () => {
  const running = given([2], [10, 20]);
  const moments = given([2, 2], [20, 40, 3, 6]);

  it("moves by the share of the batch, in PyTorch's sense of momentum", () => {
    expect(compute(runningStatistics({ running, moments }, { momentum: 0.5, row: 0 }))).toEqual([15, 30]);
    expect(compute(runningStatistics({ running, moments }, { momentum: 1, row: 1 }))).toEqual([3, 6]);
  });

  it("takes the variance without bias where the number of elements is told", () => {
    expect(compute(runningStatistics({ running, moments }, { momentum: 1, row: 1, unbiased: 3 }))).toEqual([
      4.5, 9,
    ]);
    expect(() => runningStatistics({ running, moments }, { momentum: 1, row: 1, unbiased: 1 })).toThrow(
      "runningStatistics: the variance of 1 value per channel is not defined without bias. Give a larger batch or image.",
    );
    expect(() => runningStatistics({ running, moments }, { momentum: 2, row: 1 })).toThrow("momentum is 2");
  });
});
