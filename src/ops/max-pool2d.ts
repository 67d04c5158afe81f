/**
 * The greatest value of each window, channel by channel.
 *
 *   x [n, h, w, c]  →  y [n, p, q, c];  p = ⌊(h + padding − dilation·(r − 1) − 1) / stride⌋ + 1
 *
 * The gradient goes to the first maximum of a window, row by row, as in PyTorch.
 * Riesenhuber and Poggio, "Hierarchical models of object recognition in cortex", 1999.
 */

import { over } from "../kernels/formula.ts";
import { type Axis, index } from "../kernels/index-expression.ts";
import { argmax, maximum, position, type Source, sum } from "../kernels/value.ts";
import type { Shape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";
import { type PoolAttributes, poolSlides, poolWindow } from "./pooling.ts";
import { gatherFromWindows, type Pair, type Slide, tap } from "./window.ts";

export interface MaxPool2dAttributes extends PoolAttributes {
  /** Distance between the places that a window looks at. Default 1. */
  readonly dilation?: Pair;
}

export const maxPool2d: Op<"x", MaxPool2dAttributes> = defineOp({
  name: "maxPool2d",
  shape: ({ x }, attributes) => outputShape(x, poolSlides(x, attributes)),
  value({ x }, attributes, shape) {
    const [v, h] = poolSlides(x.shape, attributes);
    return [over(shape, (n, p, q, c) => maximum([v.kernel, h.kernel], look(x, v, h, n, p, q, c)))];
  },
  gradient({ x }, dy, attributes) {
    const indices = maxPool2dIndices({ x }, attributes);
    return { x: maxPool2dGradient({ dy, indices }, { ...attributes, inputShape: x.shape }) };
  },
  window: (attributes, { x }) => poolWindow(x, attributes),
});

/** Where in its window each maximum lies: r·(extent of s) + s of the first. */
export const maxPool2dIndices: Op<"x", MaxPool2dAttributes> = defineOp({
  name: "maxPool2dIndices",
  shape: ({ x }, attributes) => outputShape(x, poolSlides(x, attributes)),
  value({ x }, attributes, shape) {
    const [v, h] = poolSlides(x.shape, attributes);
    return [over(shape, (n, p, q, c) => argmax([v.kernel, h.kernel], look(x, v, h, n, p, q, c)))];
  },
});

/** dx of max pooling: each place gathers dy from the windows whose maximum it is. */
export const maxPool2dGradient: Op<"dy" | "indices", MaxPool2dAttributes & { readonly inputShape: Shape }> =
  defineOp({
    name: "maxPool2dGradient",
    shape: (_, { inputShape }) => inputShape,
    value({ dy, indices }, attributes) {
      const windows = poolSlides(attributes.inputShape, attributes);
      return gatherFromWindows(attributes.inputShape, windows, (n, p, q, c, r, s) =>
        indices
          .padded(-1, n, p, q, c)
          .equals(position(r.times(windows[1].kernel).plus(s)))
          .select(dy.padded(0, n, p, q, c), 0),
      );
    },
    gradient: ({ indices }, ddx, { inputShape: _, ...attributes }) => ({
      dy: takeFromWindows({ x: ddx, indices }, attributes),
    }),
  });

/** The value of each window at a given place of it; the adjoint of maxPool2dGradient. */
export const takeFromWindows: Op<"x" | "indices", MaxPool2dAttributes> = defineOp({
  name: "takeFromWindows",
  shape: ({ indices }) => indices,
  value({ x, indices }, attributes, shape) {
    const [v, h] = poolSlides(x.shape, attributes);
    return [
      over(shape, (n, p, q, c) =>
        sum([v.kernel, h.kernel], (r, s) =>
          indices
            .at(n, p, q, c)
            .equals(position(index(r).times(h.kernel).plus(s)))
            .select(x.padded(0, n, tap(p, r, v), tap(q, s, h), c), 0),
        ),
      ),
    ];
  },
  gradient: ({ x, indices }, dy, attributes) => ({
    x: maxPool2dGradient({ dy, indices }, { ...attributes, inputShape: x.shape }),
  }),
});

function outputShape([n, , , c]: Shape, [v, h]: readonly [Slide, Slide]): Shape {
  return [n, v.output, h.output, c];
}

function look(x: Source, v: Slide, h: Slide, n: Axis, p: Axis, q: Axis, c: Axis) {
  return (r: Axis, s: Axis) => x.padded(Number.NEGATIVE_INFINITY, n, tap(p, r, v), tap(q, s, h), c);
}
