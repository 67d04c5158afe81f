/** The same elements in the same order under another shape. The plan makes it free where memory allows. */

import { scatter } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import { ShapeError } from "../tensor/errors.ts";
import { contiguousStrides, formatShape, type Shape, size } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";

export const reshape: Op<"x", { readonly shape: Shape }> = defineOp({
  name: "reshape",
  shape({ x }, { shape }) {
    if (size(x) !== size(shape))
      throw new ShapeError(
        `x ${formatShape(x)} has ${size(x)} elements, but shape ${formatShape(shape)} takes ${size(shape)}.`,
        { x, shape },
      );
    return shape;
  },
  value({ x }, _, shape) {
    const [from, to] = [contiguousStrides(x.shape), contiguousStrides(shape)];
    return [
      scatter([size(shape)], (i) => ({
        at: shape.map((extent, axis) => index(i).floorDiv(to[axis]).mod(extent)),
        value: x.at(...x.shape.map((extent, axis) => index(i).floorDiv(from[axis]).mod(extent))),
      })),
    ];
  },
  memory: () => ({ kind: "sameElements", input: "x" }),
  gradient: ({ x }, dy) => ({ x: reshape({ x: dy }, { shape: x.shape }) }),
});
