import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { batchDropout, channelDropout, dropout, imageDropout } from "./dropout.ts";
import { input } from "./operation.ts";

const ones = (shape: readonly number[]) => given(shape, new Array(shape.reduce((a, b) => a * b)).fill(1));

describe("dropout", () => {
  it("zeroes the asked share and scales the rest, so that the mean stays", () => {
    const y = compute(dropout({ x: ones([100, 100]) }, { probability: 0.25, stream: 3 }));
    expect(new Set(y)).toEqual(new Set([0, 1 / 0.75]));
    // 10,000 draws: five standard deviations are 0.022.
    expect(Math.abs(y.filter((each) => each === 0).length / y.length - 0.25)).toBeLessThan(0.022);
  });

  it("draws the same for the same seed and step, and anew for others and for other streams", () => {
    const y = (stream: number, scalars = {}) =>
      compute(dropout({ x: ones([64]) }, { probability: 0.5, stream }), scalars).join();
    expect(y(1)).toBe(y(1));
    expect(new Set([y(1), y(2), y(1, { step: 1 }), y(1, { seed: 1 })]).size).toBe(4);
  });

  it("lets the gradient through where x went through", () => {
    const x = ones([32]);
    const y = dropout({ x }, { probability: 0.5, stream: 1 });
    expect(computeGradient(y, x)).toEqual(compute(y));
    const drawn = input("x", [3, 5]);
    expectLinear(dropout({ x: drawn }, { probability: 0.3, stream: 2 }), drawn);
  });

  it("drops whole channels of an image together", () => {
    const y = compute(channelDropout({ x: ones([4, 3, 3, 8]) }, { probability: 0.5, stream: 1 }));
    const kept = new Set<number>();
    for (let n = 0; n < 4; n++)
      for (let c = 0; c < 8; c++) {
        const values = new Set(Array.from({ length: 9 }, (_, i) => y[n * 72 + i * 8 + c]));
        expect(values.size).toBe(1);
        kept.add([...values][0]);
      }
    expect(kept).toEqual(new Set([0, 2]));
  });

  it("drops whole images together", () => {
    const y = compute(imageDropout({ x: ones([64, 3, 5]) }, { probability: 0.25, stream: 1 }));
    const images = Array.from({ length: 64 }, (_, n) => new Set(y.slice(n * 15, (n + 1) * 15)));
    expect(images.every(({ size }) => size === 1)).toBe(true);
    expect(new Set(images.flatMap((each) => [...each]))).toEqual(new Set([0, 1 / 0.75]));
  });

  it("drops the whole batch or none of it, anew in each step", () => {
    const dropped = batchDropout({ x: ones([4, 3]) }, { probability: 0.25, stream: 1, rescale: false });
    const steps = Array.from({ length: 400 }, (_, step) => new Set(compute(dropped, { step })));
    expect(steps.every(({ size }) => size === 1)).toBe(true);
    const share = steps.filter((each) => each.has(0)).length / 400;
    // 400 draws: five standard deviations are 0.11.
    expect(Math.abs(share - 0.25)).toBeLessThan(0.11);
    expect(new Set(steps.flatMap((each) => [...each]))).toEqual(new Set([0, 1]));
    const x = input("x", [3, 5]);
    for (const op of [imageDropout, batchDropout])
      expectLinear(op({ x }, { probability: 0.5, stream: 2, rescale: false }), x);
  });

  it("drops nothing at the first step of a ramp, half at its middle, all that is asked from its end on", () => {
    const dropped = imageDropout({ x: ones([4000]) }, { probability: 0.5, stream: 1, ramp: 200 });
    const at = (step: number) => {
      const y = compute(dropped, { step });
      return { share: y.filter((each) => each === 0).length / y.length, kept: Math.max(...y) };
    };
    expect(at(0)).toEqual({ share: 0, kept: 1 });
    // 4,000 draws: five standard deviations are 0.034 of a quarter, 0.04 of a half.
    expect(Math.abs(at(100).share - 0.25)).toBeLessThan(0.034);
    expect(at(100).kept).toBeCloseTo(4 / 3, 6);
    for (const step of [200, 700]) {
      expect(Math.abs(at(step).share - 0.5)).toBeLessThan(0.04);
      expect(at(step).kept).toBe(2);
    }
    expect(() => dropout({ x: ones([5]) }, { probability: 0.5, stream: 0, ramp: 1.5 })).toThrow(
      "ramp is 1.5, but must be a whole number of at least 0.",
    );
  });

  it("passes everything at probability 0, and refuses 1", () => {
    const x = ones([5]);
    expect(compute(dropout({ x }, { probability: 0, stream: 0 }))).toEqual([1, 1, 1, 1, 1]);
    expect(() => dropout({ x }, { probability: 1, stream: 0 })).toThrow(
      "dropout: probability is 1, but must be at least 0 and below 1.",
    );
    expect(() => channelDropout({ x }, { probability: 0.5, stream: 0 })).toThrow("must have four axes");
  });
});
