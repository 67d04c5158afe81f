import { describe, expect, it } from "vitest";
import { compute, counting } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll, imageShapes } from "../../test/shapes.ts";
import { flatten, unflatten } from "./flatten.ts";
import { input } from "./operation.ts";

describe("flatten", () => {
  it("walks channels first, so that published weights fit", () => {
    const x = counting([1, 1, 3, 2]);
    expect(compute(flatten({ x }))).toEqual([0, 2, 4, 1, 3, 5]);
  });

  it("leaves rows alone, and is undone by unflatten", () => {
    const rows = input("x", [2, 3]);
    expect(flatten({ x: rows })).toBe(rows);
    const x = counting([2, 2, 3, 3]);
    expect(compute(unflatten({ x: flatten({ x }) }, { shape: x.shape }))).toEqual(compute(x));
  });

  it("has a gradient that is its adjoint", () => {
    forAll(imageShapes(), (shape) => {
      const x = input("x", shape);
      expectLinear(flatten({ x }), x);
    });
  });

  it("refuses other ranks", () => {
    expect(() => flatten({ x: input("x", [2, 3, 4]) })).toThrow(
      "flatten: x [2, 3, 4] must be images [n, h, w, c] or rows [n, c].",
    );
    expect(() => unflatten({ x: input("x", [2, 5]) }, { shape: [2, 1, 2, 3] })).toThrow("do not make images");
  });
});
