/** The rule that most operations on images share. */

import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";

/** Throws unless `x` has the four axes of a batch of images. */
export function requireImages(x: Shape): void {
  if (x.length !== 4)
    throw new ShapeError(`x ${formatShape(x)} must have four axes, [n, h, w, c]. Reshape it first?`, { x });
}
