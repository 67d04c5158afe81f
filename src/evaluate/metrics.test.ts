import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MetricsAccumulator } from "./metrics.ts";

function metricsOf(classes: number, rows: number[][], labels: number[], loss = 0) {
  const accumulator = new MetricsAccumulator(classes);
  accumulator.add(Float32Array.from(rows.flat()), Float32Array.from(labels), labels.length, loss);
  return accumulator.result();
}

describe("metrics", () => {
  test("count the greatest logit as top-1 and the five greatest as top-5", () => {
    const falling = [6, 5, 4, 3, 2, 1]; // class 5 is the only one outside the top five
    const { top1, top5, images } = metricsOf(6, [falling, falling, falling, falling], [0, 1, 4, 5]);
    expect({ top1, top5, images }).toEqual({ top1: 0.25, top5: 0.75, images: 4 });
  });

  test("take k = classes when there are fewer than five, so top-5 is 1", () => {
    expect(metricsOf(3, [[1, 2, 3]], [0]).top5).toBe(1);
  });

  test("give equal logits to the lower index", () => {
    expect(metricsOf(2, [[1, 1]], [0]).top1).toBe(1);
    expect(metricsOf(2, [[1, 1]], [1]).top1).toBe(0);
    expect(metricsOf(6, [[1, 1, 1, 1, 1, 1]], [4]).top5).toBe(1);
    expect(metricsOf(6, [[1, 1, 1, 1, 1, 1]], [5]).top5).toBe(0);
  });

  test("never count an image with a NaN among its logits as right", () => {
    const row = [Number.NaN, 3, 1];
    const result = metricsOf(3, [row, row, [0, Number.POSITIVE_INFINITY, 1]], [0, 1, 1]);
    expect(result).toMatchObject({ images: 3, top1: 1 / 3, top5: 1 / 3, notNumbers: 2 });
    expect(result.confusion).toEqual([
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    expect(result.perClass).toEqual([0, 0.5, null]);
  });

  test("weigh the loss of a batch by its images", () => {
    const accumulator = new MetricsAccumulator(2);
    accumulator.add(Float32Array.of(1, 0, 1, 0, 1, 0), Float32Array.of(0, 0, 0), 3, 1);
    accumulator.add(Float32Array.of(1, 0), Float32Array.of(1), 1, 5);
    expect(accumulator.result().loss).toBe(2);
  });

  test("put the label in the row and the named class in the column of the confusion matrix", () => {
    const rows = [
      [2, 1, 0],
      [2, 1, 0],
      [0, 0, 1],
    ];
    const { confusion, perClass } = metricsOf(3, rows, [0, 1, 1]);
    expect(confusion).toEqual([
      [1, 0, 0],
      [1, 0, 1],
      [0, 0, 0],
    ]);
    expect(perClass).toEqual([1, 0, null]);
  });

  test("are the same however the images are cut into batches", () => {
    const logits = fc.array(
      fc.tuple(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 7, maxLength: 7 })),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(logits, fc.nat({ max: 12 }), (rows, cut) => {
        const flat = rows.map(([row]) => row);
        const labels = flat.map((_, n) => n % 7);
        const whole = metricsOf(7, flat, labels, 2);
        const parts = new MetricsAccumulator(7);
        for (const [from, to] of [
          [0, Math.min(cut, flat.length)],
          [Math.min(cut, flat.length), flat.length],
        ]) {
          parts.add(
            Float32Array.from(flat.slice(from, to).flat()),
            Float32Array.from(labels.slice(from, to)),
            to - from,
            2,
          );
        }
        expect(parts.result()).toEqual(whole);
        const counted = whole.confusion.flat().reduce((sum, cell) => sum + cell, 0);
        expect(counted).toBe(flat.length);
      }),
      { seed: 3, numRuns: 60 },
    );
  });
});
