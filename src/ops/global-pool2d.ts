/**
 * Each channel of an image as one number: its mean (Lin, Chen and Yan, "Network In Network", 2013, section 3.2) or its
 * maximum.
 *
 *   x [n, h, w, c]  →  y [n, c]
 */

import { over } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import { argmax, maximum, position, sum } from "../kernels/value.ts";
import type { Shape } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import { mean } from "./mean.ts";
import { defineOp, type Op, type Shapes, type Window } from "./operation.ts";

export const globalAveragePool2d: Op<"x"> = defineOp({
  name: "globalAveragePool2d",
  shape: outputShape,
  value: ({ x }, _, shape) => mean.operation.value({ x }, { axes: [1, 2] }, shape),
  gradient: (inputs, dy, _, y) => mean.operation.gradient?.(inputs, dy, { axes: [1, 2] }, y) ?? {},
  window: wholeImage,
});

export const globalMaxPool2d: Op<"x"> = defineOp({
  name: "globalMaxPool2d",
  shape: outputShape,
  value: ({ x }, _, shape) => [
    over(shape, (n, c) => maximum([x.shape[1], x.shape[2]], (h, w) => x.at(n, h, w, c))),
  ],
  gradient({ x }, dy) {
    const indices = globalMaxPool2dIndices({ x }, {});
    return { x: globalMaxPool2dGradient({ dy, indices }, { inputShape: x.shape }) };
  },
  window: wholeImage,
});

/** Where each maximum lies: i·w + j of the first. */
export const globalMaxPool2dIndices: Op<"x"> = defineOp({
  name: "globalMaxPool2dIndices",
  shape: outputShape,
  value: ({ x }, _, shape) => [
    over(shape, (n, c) => argmax([x.shape[1], x.shape[2]], (h, w) => x.at(n, h, w, c))),
  ],
});

/** dx of the global maximum: dy where it lies, 0 elsewhere. */
export const globalMaxPool2dGradient: Op<"dy" | "indices", { readonly inputShape: Shape }> = defineOp({
  name: "globalMaxPool2dGradient",
  shape: (_, { inputShape }) => inputShape,
  value: ({ dy, indices }, { inputShape }) => [
    over(inputShape, (n, h, w, c) =>
      indices
        .at(n, c)
        .equals(position(index(h).times(inputShape[2]).plus(w)))
        .select(dy.at(n, c), 0),
    ),
  ],
  gradient: ({ indices }, ddx) => ({ dy: takeFromImages({ x: ddx, indices }, {}) }),
});

/** The value of each channel at a given place; the adjoint of globalMaxPool2dGradient. */
export const takeFromImages: Op<"x" | "indices"> = defineOp({
  name: "takeFromImages",
  shape: ({ indices }) => indices,
  value: ({ x, indices }, _, shape) => [
    over(shape, (n, c) =>
      sum([x.shape[1], x.shape[2]], (h, w) =>
        indices
          .at(n, c)
          .equals(position(index(h).times(x.shape[2]).plus(w)))
          .select(x.at(n, h, w, c), 0),
      ),
    ),
  ],
  gradient: ({ x, indices }, dy) => ({
    x: globalMaxPool2dGradient({ dy, indices }, { inputShape: x.shape }),
  }),
});

function outputShape({ x }: Shapes<"x">): Shape {
  requireImages(x);
  return [x[0], x[3]];
}

function wholeImage(_: unknown, { x }: Shapes<"x">): Window {
  return { kernel: [x[1], x[2]], stride: [x[1], x[2]], dilation: [1, 1], padding: [0, 0] };
}
