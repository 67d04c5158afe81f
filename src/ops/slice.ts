/** `length` places of one axis, from place `from` on; and its adjoint, which puts zeros around a tensor. */

import { over, type Part, scatter } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import { value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { defineOp, type Op, type Tensor, type Window } from "./operation.ts";

export interface SliceAttributes {
  readonly from: number;
  readonly length: number;
  /** Default: the last, the channels of images. */
  readonly axis?: number;
}

export const slice: Op<"x", SliceAttributes> = defineOp({
  name: "slice",
  shape({ x }, { from, length, axis = x.length - 1 }) {
    if (!Number.isInteger(axis) || axis < 0 || axis >= x.length)
      throw new ShapeError(`axis is ${axis}, but x ${formatShape(x)} has axes 0 to ${x.length - 1}.`, {
        x,
        axis,
      });
    if (
      !(
        Number.isInteger(from) &&
        Number.isInteger(length) &&
        from >= 0 &&
        length > 0 &&
        from + length <= x[axis]
      )
    )
      throw new ShapeError(
        `${length} places from ${from} on do not lie within the ${x[axis]} of axis ${axis} of x ${formatShape(x)}.`,
        { x, from, length, axis },
      );
    return x.map((extent, each) => (each === axis ? length : extent));
  },
  value: ({ x }, { from, axis = x.shape.length - 1 }, shape) => [
    over(shape, (...i) => x.at(...i.map((at, each) => (each === axis ? index(at).plus(from) : at)))),
  ],
  memory: ({ x }, { from, axis = x.length - 1 }) => ({
    kind: "boxOf",
    input: "x",
    start: x.map((_, each) => (each === axis ? from : 0)),
  }),
  window: ({ from, axis = 3 }) => shifted(axis === 1 ? -from : 0, axis === 2 ? -from : 0),
  gradient({ x }, dy, { from, length, axis = x.shape.length - 1 }) {
    const only = (value: number) => x.shape.map((_, each) => (each === axis ? value : 0));
    return { x: pad({ x: dy }, { before: only(from), after: only(x.shape[axis] - from - length) }) };
  },
});

/** Places of an image as they are, with so many zeros before them; less than none where the first are left out. */
function shifted(top: number, left: number): Window {
  return { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [top, left] };
}

export interface PadAttributes {
  /** Zeros before the first place of each axis, such as [0, 1, 1, 0] for a row above and a column to the left. */
  readonly before: Shape;
  /** Zeros after the last place of each axis. */
  readonly after: Shape;
}

/** Zeros before and after x along each axis. */
export const pad: Op<"x", PadAttributes> = defineOp({
  name: "pad",
  shape({ x }, { before, after }) {
    if (before.length !== x.length || after.length !== x.length)
      throw new ShapeError(
        `before ${formatShape(before)} and after ${formatShape(after)} must have one number for each axis of x ${formatShape(x)}.`,
        { x, before, after },
      );
    for (const each of [...before, ...after])
      if (!Number.isInteger(each) || each < 0)
        throw new OptionError(`padding is ${each}, but must be a whole number of at least 0.`, {
          before,
          after,
        });
    return x.map((extent, axis) => extent + before[axis] + after[axis]);
  },
  value({ x }, { before, after }, shape) {
    // Channels are padded by parts of their own, so that no read along the last, vectorised axis has to look at edges.
    const last = shape.length - 1;
    const outer = shape.slice(0, -1);
    const zeros = (extent: number, from: number): Part[] =>
      extent === 0
        ? []
        : [
            scatter([...outer, extent], (...i) => ({
              at: [...i.slice(0, -1), index(i[last]).plus(from)],
              value: value(0),
            })),
          ];
    if (last < 0) return [{ axes: [], at: [], value: x.at() }];
    return [
      ...zeros(before[last], 0),
      scatter([...outer, x.shape[last]], (...i) => ({
        at: [...i.slice(0, -1), index(i[last]).plus(before[last])],
        value: x.padded(0, ...i.map((at, axis) => (axis === last ? at : index(at).minus(before[axis])))),
      })),
      ...zeros(after[last], before[last] + x.shape[last]),
    ];
  },
  window: ({ before: [, top, left] }) => shifted(top, left),
  gradient({ x }, dy, { before }) {
    let dx: Tensor = dy;
    for (const [axis, length] of x.shape.entries())
      if (dx.shape[axis] !== length) dx = slice({ x: dx }, { axis, from: before[axis], length });
    return { x: dx };
  },
});
