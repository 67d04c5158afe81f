// @ts-check
import { expect, test } from "vitest";
import { compare, decodeFloats, distances } from "./agreement.js";

const reference = Float32Array.of(-1, 1, -1, 1); // of deviation 1

test("distance is the greatest difference in standard deviations of the reference", () => {
  expect(distances([Float32Array.of(-2, 2, -2.5, 2)], [Float32Array.of(-2, 2, -2, 2)])).toEqual([0.25]);
});

test("other lengths and what is no number are infinitely far", () => {
  expect(distances([Float32Array.of(1)], [reference])).toEqual([Number.POSITIVE_INFINITY]);
  expect(distances([Float32Array.of(-1, 1, Number.NaN, 1)], [reference])).toEqual([Number.POSITIVE_INFINITY]);
  expect(distances([], [reference])).toEqual([Number.POSITIVE_INFINITY]);
});

test("logits that differ are a problem", () => {
  expect(compare([reference], [reference])).toEqual({ distance: 0, problem: undefined });
  expect(compare([reference.map((value) => value + 0.01)], [reference]).problem).toMatch(
    /^logits: 0.010 standard/,
  );
});

test("an update is held against what it changes, not against the logits", () => {
  const moved = reference.map((value, i) => value + 1e-4 * (i % 2 ? 1 : -1));
  const notMoved = compare([reference, reference], [reference, moved]);
  expect(notMoved.distance).toBeGreaterThan(0.9);
  expect(notMoved.problem).toMatch(/^what an update changes/);
  expect(compare([reference, moved], [reference, moved]).problem).toBeUndefined();
});

test("floats come back from base64", () => {
  expect(decodeFloats(Buffer.from(reference.buffer).toString("base64"))).toEqual(reference);
});
