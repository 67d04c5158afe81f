/**
 * The mean of each window, channel by channel.
 *
 *   x [n, h, w, c]  →  y [n, p, q, c];  p = ⌊(h + padding − r) / stride⌋ + 1
 *
 * What a window that leaves the image divides by follows PyTorch: its places on the image, or, with `countIncludePad`,
 * those on image and padding. The overhang that rounding "ceil" allows never counts.
 */

import { over } from "../kernels/formula.ts";
import { type IndexLike, index } from "../kernels/index-expression.ts";
import { position, sum, type Value } from "../kernels/value.ts";
import type { Shape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";
import { type PoolAttributes, poolSlides, poolWindow } from "./pooling.ts";
import { gatherFromWindows, type Slide, tap } from "./window.ts";

export interface AvgPool2dAttributes extends PoolAttributes {
  /** Whether padding counts as places of value 0. Default true, as in PyTorch; false in Keras and TensorFlow. */
  readonly countIncludePad?: boolean;
}

export const avgPool2d: Op<"x", AvgPool2dAttributes> = defineOp({
  name: "avgPool2d",
  shape({ x }, attributes) {
    const [v, h] = poolSlides(x, attributes);
    return [x[0], v.output, h.output, x[3]];
  },
  value({ x }, attributes, shape) {
    const [v, h] = poolSlides(x.shape, attributes);
    return [
      over(shape, (n, p, q, c) => {
        const total = sum([v.kernel, h.kernel], (r, s) => x.padded(0, n, tap(p, r, v), tap(q, s, h), c));
        return divide(total, v, h, p, q, attributes);
      }),
    ];
  },
  gradient: ({ x }, dy, attributes) => ({
    x: avgPool2dGradient({ dy }, { ...attributes, inputShape: x.shape }),
  }),
  window: (attributes, { x }) => poolWindow(x, attributes),
});

/** dx of average pooling: each place gathers its share of the windows that hold it. */
export const avgPool2dGradient: Op<"dy", AvgPool2dAttributes & { readonly inputShape: Shape }> = defineOp({
  name: "avgPool2dGradient",
  shape: (_, { inputShape }) => inputShape,
  value({ dy }, attributes) {
    const windows = poolSlides(attributes.inputShape, attributes);
    const [v, h] = windows;
    return gatherFromWindows(attributes.inputShape, windows, (n, p, q, c) =>
      divide(dy.padded(0, n, p, q, c), v, h, p, q, attributes),
    );
  },
  gradient: (_, ddx, { inputShape: __, ...attributes }) => ({ dy: avgPool2d({ x: ddx }, attributes) }),
});

/** `total` divided by the places that count in the window at (p, q). */
function divide(
  total: Value,
  v: Slide,
  h: Slide,
  p: IndexLike,
  q: IndexLike,
  { countIncludePad = true }: AvgPool2dAttributes,
): Value {
  let constant = 1;
  let result = total;
  for (const [slide, at] of [
    [v, p],
    [h, q],
  ] as const) {
    const low = countIncludePad ? -slide.before : 0;
    const high = slide.input + (countIncludePad ? slide.after : 0);
    const allFull =
      -slide.before >= low && (slide.output - 1) * slide.stride - slide.before + slide.kernel <= high;
    if (allFull) constant *= slide.kernel;
    else {
      const start = index(at).times(slide.stride).minus(slide.before);
      const count = position(start.plus(slide.kernel)).min(high).minus(position(start).max(low));
      // On the way back, output places beyond the edges are read as 0: they must not be divided by 0.
      result = result.over(count.max(1));
    }
  }
  return result.times(1 / constant);
}
