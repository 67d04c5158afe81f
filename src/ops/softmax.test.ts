import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { anyShapes, forAll } from "../../test/shapes.ts";
import { input } from "./operation.ts";
import { logSoftmax, softmax } from "./softmax.ts";

describe("softmax", () => {
  const x = given([2, 2], [0, Math.log(3), 5, 5]);

  it("shares 1 out by exponentials, row by row", () => {
    for (const [i, expected] of [0.25, 0.75, 0.5, 0.5].entries()) {
      expect(compute(softmax({ x }))[i]).toBeCloseTo(expected, 14);
      expect(compute(logSoftmax({ x }))[i]).toBeCloseTo(Math.log(expected), 14);
    }
  });

  it("neither overflows nor loses what is masked", () => {
    const extreme = given([1, 3], [1e4, Number.NEGATIVE_INFINITY, 1e4 - 1e3]);
    expect(compute(softmax({ x: extreme }))).toEqual([1, 0, 0]);
    expect(compute(logSoftmax({ x: extreme }))).toEqual([0, Number.NEGATIVE_INFINITY, -1000]);
  });

  it("has gradients, for tensors of any rank", () => {
    forAll(anyShapes, (shape) => {
      const drawn = input("x", shape);
      expectGradients(softmax({ x: drawn }), [drawn]);
      expectGradients(logSoftmax({ x: drawn }), [drawn]);
    });
  });

  it("can be differentiated twice", () => {
    const [drawn, dy] = [input("x", [2, 3]), input("dy", [2, 3])];
    const y = softmax({ x: drawn });
    const dx = y.node?.operation.gradient?.(y.node.inputs, dy, {}, y).x;
    if (dx === undefined) throw new Error("no gradient");
    expectGradients(dx, [drawn, dy]);
  });
});
