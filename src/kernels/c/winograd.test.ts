import { expect, test } from "vitest";
import { planOf } from "../../../test/on-engine.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { input } from "../../ops/operation.ts";
import { render } from "./render.ts";

/** Bytes that a 3×3 layer with lasting filters keeps from run to run. */
function keptBytes(images: number, edge: number, channels: number): number {
  const x = input("x", [images, edge, edge, channels]);
  const weight = input("weight", [3, 3, channels, channels]);
  const { steps, layouts, preparation } = planOf([conv2d({ x, weight, bias: undefined }, { padding: 1 })]);
  const { bytes } = render(steps, layouts, {
    machine: { threads: 2, lanes: 16, registers: 32 },
    winograd: true,
    constants: new Set([weight]),
    preparation,
  });
  return bytes.kept;
}

/** Rests of cache lines, and lines between positions of a tile. */
const around = 64 * 40;

test("filters of few tiles are kept as they are, and transformed where they are used", () => {
  for (const [edge, channels] of [
    [14, 256],
    [14, 512],
    [7, 512],
  ]) {
    const kept = keptBytes(1, edge, channels);
    expect(kept).toBeGreaterThanOrEqual(4 * 9 * channels ** 2);
    expect(kept).toBeLessThan(4 * 9 * channels ** 2 + around);
  }
});

test("filters of many tiles are kept transformed", () => {
  for (const [images, edge, channels] of [
    [16, 14, 256],
    [1, 56, 64],
    [1, 28, 128],
  ]) {
    const kept = keptBytes(images, edge, channels);
    expect(kept).toBeGreaterThanOrEqual(4 * 36 * channels ** 2);
    expect(kept).toBeLessThan(4 * 36 * channels ** 2 + around);
  }
});
