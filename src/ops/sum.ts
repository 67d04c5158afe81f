/** Σ x over some axes, which vanish from the shape; and its adjoint, which repeats x along axes. */

import { over } from "../kernels/formula.ts";
import { type Axis, type IndexLike, axis as loop } from "../kernels/index-expression.ts";
import { sum as sumOver } from "../kernels/value.ts";
import { broadcastAxes, broadcastShape } from "../tensor/broadcast.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import { broadcastAt } from "./broadcast.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { reshape } from "./reshape.ts";

export interface SumAttributes {
  /** The axes to sum over, each once, in ascending order. */
  readonly axes: readonly number[];
}

export const sum: Op<"x", SumAttributes> = defineOp({
  name: "sum",
  shape({ x }, { axes }) {
    for (const [i, axis] of axes.entries())
      if (!Number.isInteger(axis) || axis < 0 || axis >= x.length || (i > 0 && axis <= axes[i - 1]))
        throw new ShapeError(`axes [${axes.join(", ")}] must ascend and lie within x ${formatShape(x)}.`, {
          x,
          axes,
        });
    return x.filter((_, axis) => !axes.includes(axis));
  },
  value: ({ x }, { axes }, shape) => [
    over(shape, (...kept) =>
      sumOver(
        axes.map((axis) => x.shape[axis]),
        (...summed) => x.at(...merge(x.shape, axes, kept, summed)),
      ),
    ),
  ],
  gradient: ({ x }, dy, { axes }) => {
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    return { x: broadcastTo({ x: reshape({ x: dy }, { shape: kept }) }, { shape: x.shape }) };
  },
});

/** Indices into x, taken from the kept and the summed axes in turn. */
function merge(
  shape: Shape,
  axes: readonly number[],
  kept: readonly Axis[],
  summed: readonly Axis[],
): IndexLike[] {
  const [outer, inner] = [[...kept], [...summed]];
  return shape.map((_, axis) => (axes.includes(axis) ? inner : outer).shift() ?? loop("none", 1));
}

/** x repeated along axes of extent 1, and along new outer axes, until it has a shape. */
export const broadcastTo: Op<"x", { readonly shape: Shape }> = defineOp({
  name: "broadcastTo",
  shape({ x }, { shape }) {
    if (!sameShape(broadcastShape(x, shape), shape))
      throw new ShapeError(`x ${formatShape(x)} does not broadcast to ${formatShape(shape)}.`, { x, shape });
    return shape;
  },
  value: ({ x }, _, shape) => [over(shape, (...i) => broadcastAt(x, i))],
  gradient: ({ x }, dy) => ({ x: unbroadcast(dy, x.shape) }),
});

/** The adjoint of broadcasting from `shape`: `dy` summed over the axes that were repeated. */
export function unbroadcast(dy: Tensor, shape: Shape): Tensor {
  const axes = broadcastAxes(shape, dy.shape);
  return axes.length === 0 ? dy : reshape({ x: sum({ x: dy }, { axes }) }, { shape });
}
