// @ts-check
import { expect, test } from "vitest";
import { compare, decodeFloats, distanceOf } from "./agreement.js";

const reference = Float32Array.of(-1, 1, -1, 1); // of deviation 1

test("distances are in standard deviations of the reference", () => {
  const twice = reference.map((value) => 2 * value);
  expect(distanceOf(Float32Array.of(-2, 2, -2.5, 2), twice)).toEqual({
    greatest: 0.25,
    rootMeanSquare: 0.125,
  });
});

test("other lengths and what is no number are infinitely far", () => {
  const far = { greatest: Number.POSITIVE_INFINITY, rootMeanSquare: Number.POSITIVE_INFINITY };
  expect(distanceOf(Float32Array.of(1), reference)).toEqual(far);
  expect(distanceOf(Float32Array.of(-1, 1, Number.NaN, 1), reference)).toEqual(far);
  expect(distanceOf(undefined, reference)).toEqual(far);
});

test("logits that differ are a problem", () => {
  expect(compare([reference], [reference])).toEqual({ distance: 0, problem: undefined });
  const other = reference.map((value) => value + 0.01);
  expect(compare([other], [reference]).problem).toMatch(/^logits: 0.010 standard/);
  expect(compare([other, other], [reference, reference]).problem).toMatch(/^logits: /);
});

test("an update is held against what it changes, not against the logits", () => {
  const moved = reference.map((value, i) => value + 1e-4 * (i % 2 ? 1 : -1));
  const notMoved = compare([reference, reference], [reference, moved]);
  expect(notMoved.distance).toBeGreaterThan(0.9);
  expect(notMoved.problem).toMatch(/^what an update changes: /);
  expect(compare([reference], [reference, moved]).distance).toBe(Number.POSITIVE_INFINITY);
  expect(compare([reference, moved], [reference, moved]).problem).toBeUndefined();
});

test("floats come back from base64", () => {
  expect(decodeFloats(Buffer.from(reference.buffer).toString("base64"))).toEqual(reference);
});
