/** One row of a matrix: x [m, c] → y [c]. */

import { over } from "../kernels/formula.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { pad } from "./slice.ts";

export const row: Op<"x", { readonly row: number }> = defineOp({
  name: "row",
  shape({ x }, { row }) {
    if (x.length !== 2 || !Number.isInteger(row) || row < 0 || row >= x[0])
      throw new ShapeError(`x ${formatShape(x)} has no row ${row}.`, { x, row });
    return [x[1]];
  },
  value: ({ x }, { row }, shape) => [over(shape, (c) => x.at(row, c))],
  gradient({ x }, dy, { row }) {
    const only = reshape({ x: dy }, { shape: [1, x.shape[1]] });
    return { x: pad({ x: only }, { before: [row, 0], after: [x.shape[0] - row - 1, 0] }) };
  },
});
