/** The mean of (x − target)² over all elements. */

import { ShapeError } from "../tensor/errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { mean } from "./mean.ts";
import { multiply } from "./multiply.ts";
import type { Tensor } from "./operation.ts";
import { subtract } from "./subtract.ts";

/** x and target of one shape → a loss of shape []. */
export function meanSquaredError(
  { x, target }: { readonly x: Tensor; readonly target: Tensor },
  _attributes: Record<never, never> = {},
): Tensor {
  // They could broadcast, but a target [n] beside x [n, 1] would then be compared with every row.
  if (!sameShape(x.shape, target.shape))
    throw new ShapeError(
      `meanSquaredError: x ${formatShape(x.shape)} and target ${formatShape(target.shape)} must have one shape. Reshape one of them?`,
      { x: x.shape, target: target.shape },
    );
  const error = subtract({ a: x, b: target }, {});
  return mean({ x: multiply({ a: error, b: error }, {}) }, {});
}
