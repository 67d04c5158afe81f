/** What max and average pooling share: options, and the rule that each window must hold a place of the image. */

import { OptionError, ShapeError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import type { Window } from "./operation.ts";
import { type Padding, type Pair, pair, type Rounding, type Slide, slides } from "./window.ts";

export interface PoolAttributes {
  /** Places that a window spans. */
  readonly kernel: Pair;
  /** Step from window to window. Default: the kernel, so that windows tile the image. */
  readonly stride?: Pair;
  /** Places around the image that count for nothing; at most half the kernel. Default 0. */
  readonly padding?: Padding;
  /** "ceil" adds smaller windows at the bottom and right edges, as Caffe does. Default "floor". */
  readonly rounding?: Rounding;
}

/** The windows of a pooling over x [n, h, w, c]; refuses those that would hold nothing of the image. */
export function poolSlides(
  x: Shape,
  attributes: PoolAttributes & { readonly dilation?: Pair },
): readonly [vertical: Slide, horizontal: Slide] {
  requireImages(x);
  const { kernel, stride = kernel } = attributes;
  const both = slides(x[1], x[2], { ...attributes, stride });
  for (const slide of both) checkWindows(slide);
  return both;
}

function checkWindows({ input, output, kernel, stride, dilation, before, after }: Slide): void {
  const span = dilation * (kernel - 1) + 1;
  // PyTorch's rule: with more padding than that, a window could lie in it entirely.
  if (Math.max(before, after) > span / 2)
    throw new OptionError(
      `padding is ${Math.max(before, after)}, but must be at most ${Math.floor(span / 2)}, half of the ${span} places that a window spans.`,
      { before, after, kernel, dilation },
    );
  for (let p = 0; p < output; p++) {
    const start = p * stride - before;
    const firstInside = start < 0 ? Math.ceil(-start / dilation) : 0;
    if (firstInside < kernel && start + firstInside * dilation < input) continue;
    throw new ShapeError(
      `window ${p} of kernel ${kernel} with dilation ${dilation} and padding ${before} has no tap on the ${input} places of the input. Give less dilation?`,
      { input, kernel, stride, dilation, before, after },
    );
  }
}

/** How pooling looks at its input, for receptive fields. */
export function poolWindow(x: Shape, attributes: PoolAttributes & { readonly dilation?: Pair }): Window {
  const [v, h] = poolSlides(x, attributes);
  return {
    kernel: pair(attributes.kernel),
    stride: [v.stride, h.stride],
    dilation: [v.dilation, h.dilation],
    padding: [v.before, h.before],
  };
}
