import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { size } from "../tensor/shape.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { input } from "./operation.ts";

const ln = Math.log;

describe("crossEntropy", () => {
  const x = given([2, 3], [0, 0, 0, 0, ln(2), 0]);

  it("is the surprise at the label", () => {
    const labels = given([2], [2, 1]);
    const rows = compute(crossEntropy({ x, labels }, { reduction: "none" }));
    expect(rows[0]).toBeCloseTo(ln(3), 14);
    expect(rows[1]).toBeCloseTo(ln(2), 14);
    expect(compute(crossEntropy({ x, labels }))[0]).toBeCloseTo(ln(6) / 2, 14);
    expect(compute(crossEntropy({ x, labels }, { reduction: "sum" }))[0]).toBeCloseTo(ln(6), 14);
  });

  it("takes shares of classes for labels, and smooths either", () => {
    const hard = crossEntropy({ x, labels: given([2], [0, 1]) }, { labelSmoothing: 0.3 });
    const soft = crossEntropy({ x, labels: given([2, 3], [0.8, 0.1, 0.1, 0.1, 0.8, 0.1]) });
    const smoothed = crossEntropy({ x, labels: given([2, 3], [1, 0, 0, 0, 1, 0]) }, { labelSmoothing: 0.3 });
    expect(compute(hard)[0]).toBeCloseTo(compute(soft)[0], 14);
    expect(compute(hard)[0]).toBeCloseTo(compute(smoothed)[0], 14);
  });

  it("has the gradient softmax − target, over the number of rows", () => {
    const labels = given([2], [2, 1]);
    const dx = computeGradient(crossEntropy({ x, labels }), x);
    for (const [i, expected] of [1 / 6, 1 / 6, -1 / 3, 1 / 8, -1 / 4, 1 / 8].entries())
      expect(dx[i]).toBeCloseTo(expected, 14);
  });

  it("stays finite where logits are far apart, and where a class is masked", () => {
    const far = given([2, 2], [1000, -1000, Number.NEGATIVE_INFINITY, 0]);
    const labels = given([2], [1, 1]);
    expect(compute(crossEntropy({ x: far, labels }, { reduction: "none" }))).toEqual([2000, 0]);
    expect(computeGradient(crossEntropy({ x: far, labels }), far)).toEqual([0.5, -0.5, 0, 0]);
  });

  it("is not a number where a label is no class", () => {
    const labels = given([2], [3, 2]);
    const rows = compute(crossEntropy({ x, labels }, { reduction: "none" }));
    expect(rows[0]).toBeNaN();
    expect(rows[1]).not.toBeNaN();
    expect(compute(crossEntropy({ x, labels: given([2], [0, -1]) }))[0]).toBeNaN();
  });

  it("leaves ignored labels out of loss, mean and gradient", () => {
    const pixels = given([1, 2, 2, 3], [0, 0, 0, 0, ln(2), 0, 9, 9, 1, 5, 5, 5]);
    const labels = given([1, 2, 2], [2, 1, 255, 255]);
    const loss = (reduction: "mean" | "sum" | "none") =>
      crossEntropy({ x: pixels, labels }, { reduction, ignoreLabel: 255 });
    expect(compute(loss("mean"))[0]).toBeCloseTo(ln(6) / 2, 14);
    expect(compute(loss("sum"))[0]).toBeCloseTo(ln(6), 14);
    expect(compute(loss("none")).slice(2)).toEqual([0, 0]);
    const dx = computeGradient(loss("mean"), pixels);
    const kept = [1 / 6, 1 / 6, -1 / 3, 1 / 8, -1 / 4, 1 / 8];
    for (const [i, expected] of [...kept, 0, 0, 0, 0, 0, 0].entries())
      expect(dx[i]).toBeCloseTo(expected, 14);
  });

  it("has no mean where all labels are ignored, and still refuses labels that are no class", () => {
    const ignored = given([2], [255, 255]);
    expect(compute(crossEntropy({ x, labels: ignored }, { ignoreLabel: 255 }))[0]).toBeNaN();
    const mixed = given([2], [255, 3]);
    expect(compute(crossEntropy({ x, labels: mixed }, { ignoreLabel: 255 }))[0]).toBeNaN();
  });

  it("has gradients for labels and shares, smoothed or not, of rows and pixels", () => {
    const drawn = fc.record({
      rows: fc.constantFrom([3], [1], [1, 2, 2], [2, 1, 3]),
      k: fc.constantFrom(1, 2, 5, 7),
      isSoft: fc.boolean(),
      labelSmoothing: fc.constantFrom(0, 0.1),
      reduction: fc.constantFrom("mean" as const, "sum" as const, "none" as const),
    });
    forAll(
      drawn,
      ({ rows, k, isSoft, ...options }) => {
        const logits = input("x", [...rows, k]);
        const labels = input("labels", isSoft ? [...rows, k] : rows);
        const loss = crossEntropy({ x: logits, labels }, options);
        if (isSoft) expectGradients(loss, [logits, labels]);
        else {
          const classes = Float64Array.from({ length: size(rows) }, (_, i) => (i * 3) % k);
          expectGradients(loss, [logits], { feeds: new Map([[labels, classes]]) });
        }
      },
      24,
    );
  });

  it("ignores labels, not shares", () => {
    expect(() =>
      crossEntropy({ x, labels: given([2, 3], [1, 0, 0, 0, 1, 0]) }, { ignoreLabel: 255 }),
    ).toThrow(
      "crossEntropy: ignoreLabel is 255, but must be a whole number among labels [2]; labels are [2, 3].",
    );
  });

  it("says which labels fit", () => {
    expect(() => crossEntropy({ x, labels: input("labels", [3]) })).toThrow(
      "crossEntropy: labels [3] must have shape [2], a class for each row of x [2, 3], or [2, 3], a share for each class.",
    );
    expect(() => crossEntropy({ x, labels: input("labels", [2]) }, { labelSmoothing: 1 })).toThrow(
      "labelSmoothing is 1",
    );
  });
});
