import { describe, expect, test } from "vitest";
import { DigitsDataset } from "./digits.ts";
import { measureNormalization } from "./measure.ts";

const image = (dataset: DigitsDataset, index: number) => {
  const pixels = new Uint8Array(784);
  dataset.read(index, pixels);
  return pixels;
};

describe("digits", () => {
  test("has 10,000 images to train and 2,000 to test, as many of each digit, in no order", () => {
    for (const [split, length] of [
      ["train", 10_000],
      ["test", 2_000],
    ] as const) {
      const dataset = new DigitsDataset({ split });
      expect(dataset.length).toBe(length);
      const labels = Array.from({ length }, (_, i) => dataset.label(i));
      for (let digit = 0; digit < 10; digit++) {
        expect(labels.filter((label) => label === digit)).toHaveLength(length / 10);
      }
      // Chance makes a tenth of neighbours equal.
      const equal = labels.filter((label, i) => i > 0 && label === labels[i - 1]).length;
      expect(equal / length).toBeGreaterThan(0.07);
      expect(equal / length).toBeLessThan(0.13);
    }
  });

  test("draws the same picture for the same seed, split and index, and else another", () => {
    const first = image(new DigitsDataset({ seed: 4 }), 17);
    expect(image(new DigitsDataset({ seed: 4 }), 17)).toEqual(first);
    expect(image(new DigitsDataset({ seed: 5 }), 17)).not.toEqual(first);
    expect(image(new DigitsDataset({ seed: 4, split: "test" }), 17)).not.toEqual(first);
    expect(image(new DigitsDataset({ seed: 4 }), 18)).not.toEqual(first);
    expect(new DigitsDataset({ seed: 4 }).fingerprint).not.toBe(new DigitsDataset({ seed: 5 }).fingerprint);
  });

  test("never repeats a picture of a digit", () => {
    const dataset = new DigitsDataset();
    const seen = new Set(Array.from({ length: 2000 }, (_, i) => image(dataset, i).join()));
    expect(seen.size).toBe(2000);
  });

  test("inks a fair part of the paper and leaves its edge nearly free", () => {
    const dataset = new DigitsDataset();
    for (let i = 0; i < 500; i++) {
      const pixels = image(dataset, i);
      const inked = pixels.filter((value) => value > 127).length;
      expect(inked).toBeGreaterThan(15);
      expect(inked).toBeLessThan(400);
    }
  });

  test("states the mean and deviation that its images have", async () => {
    const { mean, std } = await measureNormalization(new DigitsDataset(), { images: 2000 });
    expect(mean[0]).toBeCloseTo(0.1448, 2);
    expect(std[0]).toBeCloseTo(0.3118, 2);
  });
});
