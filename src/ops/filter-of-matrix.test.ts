import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, counting, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { conv2d } from "./conv2d.ts";
import { filterOfMatrix, matrixOfFilter } from "./filter-of-matrix.ts";
import { flatten } from "./flatten.ts";
import { linear } from "./linear.ts";
import { input } from "./operation.ts";

const drawn = fc.record({
  r: fc.integer({ min: 1, max: 3 }),
  s: fc.integer({ min: 1, max: 3 }),
  c: fc.constantFrom(1, 3, 5),
  k: fc.constantFrom(1, 2, 7),
});

describe("filterOfMatrix", () => {
  it("makes a convolution of a linear layer over flattened images", () => {
    const x = given([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
    const matrix = counting([8, 3]);
    const filter = filterOfMatrix({ matrix }, { kernel: [2, 2] });
    const map = conv2d({ x, weight: filter, bias: undefined }, {});
    expect(map.shape).toEqual([1, 1, 1, 3]);
    expect(compute(map)).toEqual(compute(linear({ x: flatten({ x }), weight: matrix, bias: undefined }, {})));
  });

  it("is undone by matrixOfFilter", () => {
    forAll(
      drawn,
      ({ r, s, c, k }) => {
        const matrix = counting([r * s * c, k]);
        const back = matrixOfFilter({ filter: filterOfMatrix({ matrix }, { kernel: [r, s] }) }, {});
        expect(compute(back)).toEqual(compute(matrix));
      },
      12,
    );
  });

  it("has its adjoint for a gradient, and so has matrixOfFilter", () => {
    forAll(
      drawn,
      ({ r, s, c, k }) => {
        const matrix = input("matrix", [r * s * c, k]);
        expectLinear(filterOfMatrix({ matrix }, { kernel: [r, s] }), matrix);
        const filter = input("filter", [r, s, c, k]);
        expectLinear(matrixOfFilter({ filter }, {}), filter);
      },
      8,
    );
  });

  it("says what does not fit", () => {
    expect(() => filterOfMatrix({ matrix: input("m", [10, 3]) }, { kernel: [2, 2] })).toThrow(
      "filterOfMatrix: matrix [10, 3] must be [c·4, k], a row for each value of images of 2×2 places.",
    );
    expect(() => matrixOfFilter({ filter: input("f", [2, 2]) }, {})).toThrow(
      "matrixOfFilter: filter [2, 2] must be [r, s, c, k].",
    );
  });
});
