import { expect, it } from "vitest";
import { planOf } from "../../test/on-engine.ts";
import * as ops from "../ops/index.ts";
import { input } from "../ops/operation.ts";
import { bytesMoved } from "./traffic.ts";

it("counts the result once, and of each operand what is read, once", () => {
  const x = input("x", [2, 6, 6, 3]);
  const weight = input("weight", [3, 3, 3, 5]);
  const [conv] = planOf([ops.conv2d({ x, weight, bias: undefined }, { padding: 1 })]).steps;
  expect(bytesMoved(conv)).toBe(4 * (2 * 6 * 6 * 3 + 3 * 3 * 3 * 5 + 2 * 6 * 6 * 5));
  const [square] = planOf([ops.multiply({ a: x, b: x }, {})]).steps;
  expect(bytesMoved(square)).toBe(4 * 2 * (2 * 6 * 6 * 3));
});

it("counts of an operand no more than the box that indices stay in", () => {
  const x = input("x", [8, 4]);
  const [part] = planOf([
    ops.scale({ x: ops.slice({ x }, { axis: 0, from: 2, length: 3 }) }, { factor: 2 }),
  ]).steps;
  expect(bytesMoved(part)).toBe(4 * (3 * 4 + 3 * 4));
  // Moments read the first pixel of x and the sums.
  const moments = ops.batchMoments({ x });
  const steps = planOf([moments]).steps.map(bytesMoved);
  expect(steps).toEqual([4 * (8 * 4 + 2 * 4), 4 * (4 + 2 * 4 + 2 * 4)]);
});
