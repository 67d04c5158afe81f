/**
 * The weight of a linear layer over flattened images as the filters of a convolution that sees as much, and back:
 *
 *   matrix [c·r·s, k], rows channels first as `flatten` has them  →  filter [r, s, c, k]
 */

import { over, scatter } from "../kernels/formula.ts";
import { type Axis, index } from "../kernels/index-expression.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";

export interface FilterOfMatrixAttributes {
  /** Height and width of the images that were flattened. */
  readonly kernel: readonly [r: number, s: number];
}

export const filterOfMatrix: Op<"matrix", FilterOfMatrixAttributes> = defineOp({
  name: "filterOfMatrix",
  shape({ matrix }, { kernel: [r, s] }) {
    if (matrix.length !== 2 || matrix[0] % (r * s) !== 0)
      throw new ShapeError(
        `matrix ${formatShape(matrix)} must be [c·${r * s}, k], a row for each value of images of ${r}×${s} places.`,
        { matrix, kernel: [r, s] },
      );
    return [r, s, matrix[0] / (r * s), matrix[1]];
  },
  value({ matrix }, { kernel }, shape) {
    const row = rowOf(kernel);
    return [over(shape, (r, s, c, k) => matrix.at(row(r, s, c), k))];
  },
  gradient: (_, dy) => ({ matrix: matrixOfFilter({ filter: dy }, {}) }),
});

export const matrixOfFilter: Op<"filter"> = defineOp({
  name: "matrixOfFilter",
  shape({ filter }) {
    if (filter.length !== 4)
      throw new ShapeError(`filter ${formatShape(filter)} must be [r, s, c, k].`, { filter });
    const [r, s, c, k] = filter;
    return [r * s * c, k];
  },
  value({ filter }) {
    const row = rowOf(kernelOf(filter.shape));
    return [scatter(filter.shape, (r, s, c, k) => ({ at: [row(r, s, c), k], value: filter.at(r, s, c, k) }))];
  },
  gradient: ({ filter }, dy) => ({
    filter: filterOfMatrix({ matrix: dy }, { kernel: kernelOf(filter.shape) }),
  }),
});

/** The row of a value of the flattened image. */
function rowOf([r, s]: FilterOfMatrixAttributes["kernel"]) {
  return (ri: Axis, si: Axis, ci: Axis) =>
    index(ci)
      .times(r * s)
      .plus(index(ri).times(s))
      .plus(si);
}

function kernelOf([r, s]: Shape): FilterOfMatrixAttributes["kernel"] {
  return [r, s];
}
