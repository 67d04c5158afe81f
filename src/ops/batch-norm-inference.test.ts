import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { batchNormInference } from "./batch-norm-inference.ts";
import { input } from "./operation.ts";

const none = { weight: undefined, bias: undefined };

describe("batchNormInference", () => {
  it("takes mean and deviation as they are given, then scales and shifts", () => {
    const x = given([2, 2], [1, 10, 5, 30]);
    // With an epsilon of 4 the deviations are 3 and 5.
    const running = { mean: given([2], [4, 20]), variance: given([2], [5, 21]) };
    const plain = compute(batchNormInference({ x, ...running, ...none }, { epsilon: 4 }));
    for (const [i, value] of [-1, -2, 1 / 3, 2].entries()) expect(plain[i]).toBeCloseTo(value, 12);
    const affine = { weight: given([2], [3, 10]), bias: given([2], [7, -1]) };
    const found = compute(batchNormInference({ x, ...running, ...affine }, { epsilon: 4 }));
    for (const [i, value] of [4, -21, 8, 19].entries()) expect(found[i]).toBeCloseTo(value, 12);
  });

  it("has gradients of all that goes in", () => {
    const [x, mean, variance] = [input("x", [2, 2, 1, 3]), input("mean", [3]), input("variance", [3])];
    const [weight, bias] = [input("weight", [3]), input("bias", [3])];
    const feeds = new Map([[variance, Float64Array.of(0.5, 1, 2)]]);
    const y = batchNormInference({ x, mean, variance, weight, bias }, { epsilon: 0.01 });
    expectGradients(y, [x, mean, variance, weight, bias], { feeds });
    const plain = batchNormInference({ x, mean, variance, ...none }, { epsilon: 0.01 });
    expectGradients(plain, [x, mean, variance], { feeds });
  });

  it("refuses vectors of another length", () => {
    const x = input("x", [2, 2, 2, 4]);
    const four = { mean: input("mean", [4]), variance: input("variance", [4]) };
    expect(() => batchNormInference({ x, ...four, ...none, weight: input("weight", [3]) })).toThrow(
      "batchNormScale: weight [3] must be [4], one number for each channel.",
    );
    expect(() => batchNormInference({ x, ...four, ...none, bias: input("bias", [3]) })).toThrow(
      "batchNormShift: bias [3] must be [4], one number for each channel.",
    );
    expect(() => batchNormInference({ x, ...four, ...none, mean: input("mean", [3]) })).toThrow(
      "mean [3] and variance [4] must both be [c]",
    );
    expect(() => batchNormInference({ x: input("x", [2, 5]), ...four, ...none })).toThrow(
      "x [2, 5] has 5 channels, but mean and variance are [4]",
    );
    expect(() => batchNormInference({ x, ...four, ...none }, { epsilon: 0 })).toThrow("epsilon is 0");
  });
});
