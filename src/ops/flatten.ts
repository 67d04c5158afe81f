/**
 * Images as rows, channels first, so that the weights of a fully connected layer match PyTorch's.
 *
 *   x [n, h, w, c]  →  y [n, c·h·w];  rows [n, c] stay as they are
 */

import { scatter } from "../kernels/formula.ts";
import { type Axis, index } from "../kernels/index-expression.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { reshape } from "./reshape.ts";

const flattenImages: Op<"x"> = defineOp({
  name: "flatten",
  shape({ x }) {
    if (x.length !== 4)
      throw new ShapeError(`x ${formatShape(x)} must be images [n, h, w, c] or rows [n, c].`, { x });
    return [x[0], x[1] * x[2] * x[3]];
  },
  value({ x }) {
    const column = columnOf(x.shape);
    return [scatter(x.shape, (n, h, w, c) => ({ at: [n, column(h, w, c)], value: x.at(n, h, w, c) }))];
  },
  gradient: ({ x }, dy) => ({ x: unflatten({ x: dy }, { shape: x.shape }) }),
});

export function flatten({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  if (x.shape.length === 2) return x;
  // Of a single pixel the elements keep their order, and reshaping copies nothing.
  const [n, h, w, c] = x.shape;
  return x.shape.length === 4 && h * w === 1 ? reshape({ x }, { shape: [n, c] }) : flattenImages({ x }, {});
}

/** Rows [n, c·h·w] as images [n, h, w, c]: undoes flatten. */
export const unflatten: Op<"x", { readonly shape: Shape }> = defineOp({
  name: "unflatten",
  shape({ x }, { shape }) {
    if (x.length !== 2 || shape.length !== 4 || x[0] !== shape[0] || x[1] !== shape[1] * shape[2] * shape[3])
      throw new ShapeError(`rows ${formatShape(x)} do not make images of shape ${formatShape(shape)}.`, {
        x,
        shape,
      });
    return shape;
  },
  value({ x }, { shape }) {
    const column = columnOf(shape);
    return [scatter(shape, (n, h, w, c) => ({ at: [n, h, w, c], value: x.at(n, column(h, w, c)) }))];
  },
  gradient: (_, dy) => ({ x: flattenImages({ x: dy }, {}) }),
});

/** Where a place of an image goes in its row. */
function columnOf([, height, width]: Shape) {
  return (h: Axis, w: Axis, c: Axis) =>
    index(c)
      .times(height * width)
      .plus(index(h).times(width))
      .plus(w);
}
