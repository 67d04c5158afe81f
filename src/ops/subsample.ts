/**
 * Every `stride`-th place of an image, from the first on: what a 1×1 pooling with a stride does.
 *
 *   x [n, h, w, c]  →  y [n, ⌈h / stride⌉, ⌈w / stride⌉, c]
 *
 * With zero channels from `pad` it is the shortcut of option A in He et al., "Deep Residual Learning for Image
 * Recognition", 2015, section 3.3.
 */

import { over } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import type { Shape } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import { defineOp, type Op } from "./operation.ts";
import { gatherFromWindows, type Pair, slides } from "./window.ts";

export interface SubsampleAttributes {
  readonly stride: Pair;
}

export const subsample: Op<"x", SubsampleAttributes> = defineOp({
  name: "subsample",
  shape({ x }, attributes) {
    requireImages(x);
    const [v, h] = windows(x, attributes);
    return [x[0], v.output, h.output, x[3]];
  },
  value({ x }, attributes, shape) {
    const [v, h] = windows(x.shape, attributes);
    return [over(shape, (n, p, q, c) => x.at(n, index(p).times(v.stride), index(q).times(h.stride), c))];
  },
  gradient: ({ x }, dy, attributes) => ({
    x: subsampleGradient({ dy }, { ...attributes, inputShape: x.shape }),
  }),
  window(attributes, { x }) {
    const [v, h] = windows(x, attributes);
    return { kernel: [1, 1], stride: [v.stride, h.stride], dilation: [1, 1], padding: [0, 0] };
  },
});

/** dx of subsampling: dy at the places that were taken, 0 between them. */
export const subsampleGradient: Op<"dy", SubsampleAttributes & { readonly inputShape: Shape }> = defineOp({
  name: "subsampleGradient",
  shape: (_, { inputShape }) => inputShape,
  value: ({ dy }, attributes) =>
    gatherFromWindows(attributes.inputShape, windows(attributes.inputShape, attributes), (n, p, q, c) =>
      dy.padded(0, n, p, q, c),
    ),
  gradient: (_, ddx, { inputShape: __, ...attributes }) => ({ dy: subsample({ x: ddx }, attributes) }),
});

function windows([, h, w]: Shape, { stride }: SubsampleAttributes) {
  return slides(h, w, { kernel: 1, stride });
}
