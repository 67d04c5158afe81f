import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { matmul } from "./matmul.ts";
import { input } from "./operation.ts";

describe("matmul", () => {
  it("multiplies matrices, either of them transposed", () => {
    const a = given([2, 2], [1, 2, 3, 4]);
    const b = given([2, 2], [5, 6, 7, 8]);
    expect(compute(matmul({ a, b }, {}))).toEqual([19, 22, 43, 50]);
    expect(compute(matmul({ a, b }, { transposeA: true }))).toEqual([26, 30, 38, 44]);
    expect(compute(matmul({ a, b }, { transposeB: true }))).toEqual([17, 23, 39, 53]);
  });

  it("has gradients for every way of transposing", () => {
    const drawn = fc.record({
      m: fc.constantFrom(1, 2, 3),
      i: fc.constantFrom(1, 2, 5),
      k: fc.constantFrom(1, 3),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    forAll(drawn, ({ m, i, k, ...transposed }) => {
      const a = input("a", transposed.transposeA ? [i, m] : [m, i]);
      const b = input("b", transposed.transposeB ? [k, i] : [i, k]);
      const y = matmul({ a, b }, transposed);
      expect(y.shape).toEqual([m, k]);
      expect(matmul.operation.cost?.({ a: a.shape, b: b.shape }, y.shape, transposed)).toEqual({
        macs: m * i * k,
      });
      expectGradients(y, [a, b]);
    });
  });

  it("says which side has how many", () => {
    const [a, b] = [input("a", [2, 3]), input("b", [2, 3])];
    expect(() => matmul({ a, b }, {})).toThrow(
      "matmul: a [2, 3] has rows of 3, but b [2, 3] has columns of 2. Transpose one of them?",
    );
  });
});
