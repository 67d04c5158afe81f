import { expect, test } from "vitest";
import { planOf } from "../../../test/on-engine.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { input } from "../../ops/operation.ts";
import { type Rendered, render } from "./render.ts";
import type { Vectors } from "./target.ts";

const avx512: Vectors = { lanes: 16, registers: 32 };
const avx2: Vectors = { lanes: 8, registers: 16 };

/** Memory that a 3×3 layer with lasting filters wants. */
function bytesOf(images: number, edge: number, channels: number, machine = avx512): Rendered["bytes"] {
  const x = input("x", [images, edge, edge, channels]);
  const weight = input("weight", [3, 3, channels, channels]);
  const { steps, layouts, preparation } = planOf([conv2d({ x, weight, bias: undefined }, { padding: 1 })]);
  return render(steps, layouts, {
    machine: { threads: 2, numberBytes: 4, ...machine },
    winograd: true,
    constants: new Set([weight]),
    preparation,
  }).bytes;
}

/** What of it is kept from run to run. */
const keptBytes = (...layer: Parameters<typeof bytesOf>) => bytesOf(...layer).kept;

/** Rests of cache lines, and lines between positions of a tile. */
const around = 64 * 40;

test("filters of few tiles are kept as they are and transformed where they are used", () => {
  expect(keptBytes(1, 7, 512)).toBe(4 * 9 * 512 ** 2 + 64);
  expect(keptBytes(1, 7, 512, avx2)).toBe(4 * 9 * 512 ** 2 + 64);
  expect(keptBytes(1, 14, 256, avx2)).toBe(4 * 9 * 256 ** 2 + 64);
});

test("where registers hold the sums of four tiles, transformed filters go through no memory", () => {
  const sums = 4 * 36 * 4 * avx512.lanes;
  expect(bytesOf(1, 7, 512).thread).toBe(sums + 64);
  expect(bytesOf(1, 7, 512, avx2).thread).toBeGreaterThan(10 * sums);
});

test("filters of more tiles are kept transformed, 16 or 36 numbers each", () => {
  for (const [images, edge, channels, numbers] of [
    [1, 14, 256, 16],
    [1, 28, 128, 36],
    [1, 56, 64, 36],
    [16, 14, 256, 36],
  ]) {
    const kept = keptBytes(images, edge, channels);
    expect(kept).toBeGreaterThanOrEqual(4 * numbers * channels ** 2);
    expect(kept).toBeLessThan(4 * numbers * channels ** 2 + around);
  }
});
