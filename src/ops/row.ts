/** One row of a matrix: x [m, c] → y [c]. A name for a part of x: nothing is copied where memory allows. */

import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { slice } from "./slice.ts";

export function row({ x }: { readonly x: Tensor }, { row }: { readonly row: number }): Tensor {
  if (x.shape.length !== 2)
    throw new ShapeError(`row: x ${formatShape(x.shape)} must be a matrix.`, { x: x.shape });
  return reshape({ x: slice({ x }, { axis: 0, from: row, length: 1 }) }, { shape: [x.shape[1]] });
}
