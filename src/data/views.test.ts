import { describe, expect, test } from "vitest";
import { OptionError } from "../tensor/errors.ts";
import type { Dataset } from "./dataset.ts";
import { DigitsDataset } from "./digits.ts";
import { type SubsetSource, sourceOf } from "./source.ts";
import { holdOut, limit, subset } from "./views.ts";

const digits = new DigitsDataset({ split: "test" });
const pixelsOf = (dataset: { read(i: number, target: Uint8Array): void | Promise<void> }, index: number) => {
  const pixels = new Uint8Array(784);
  dataset.read(index, pixels);
  return pixels.join();
};

describe("a view", () => {
  test("of chosen images reads those, also through another view", () => {
    const chosen = subset(subset(digits, [5, 6, 7, 900]), [3, 0]);
    expect(chosen.length).toBe(2);
    expect(chosen.label(0)).toBe(digits.label(900));
    expect(pixelsOf(chosen, 1)).toBe(pixelsOf(digits, 5));
    expect(() => subset(digits, [2000])).toThrow(OptionError);
  });

  test("of the first images is the set itself when there are no more", () => {
    expect(limit(digits, 10).length).toBe(10);
    expect(limit(digits, 5000)).toBe(digits);
    expect(() => limit(digits, 0)).toThrow(OptionError);
  });

  test("has a fingerprint of its images", () => {
    expect(limit(digits, 10).fingerprint).toBe(subset(digits, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).fingerprint);
    expect(limit(digits, 10).fingerprint).not.toBe(limit(digits, 11).fingerprint);
  });
});

describe("holding out", () => {
  const places = (dataset: Dataset) => Array.from((sourceOf(dataset) as SubsetSource).indices);

  test("splits a set into two parts that share nothing and leave nothing", () => {
    for (const options of [{}, { seed: 3 }]) {
      const { train, validation } = holdOut(digits, 0.1, options);
      expect([train.length, validation.length]).toEqual([1800, 200]);
      expect(new Set([...places(train), ...places(validation)]).size).toBe(2000);
      expect([train.split, validation.split]).toEqual(["train", "validation"]);
    }
  });

  test("takes the last images, or those that the seed chooses", () => {
    expect(places(holdOut(digits, 3).validation)).toEqual([1997, 1998, 1999]);
    const chosen = places(holdOut(digits, 300, { seed: 1 }).validation);
    expect(places(holdOut(digits, 300, { seed: 1 }).validation)).toEqual(chosen);
    expect(places(holdOut(digits, 300, { seed: 2 }).validation)).not.toEqual(chosen);
  });

  test("refuses amounts that leave a part empty", () => {
    for (const amount of [0, -1, 2000, 1.5, Number.NaN]) {
      expect(() => holdOut(digits, amount)).toThrow(OptionError);
    }
  });
});
