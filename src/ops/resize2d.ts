/** Images of another size: nearest neighbour, bilinear, and means of bins that cover the image. */

import { OptionError } from "../tensor/errors.ts";
import { avgPool2d } from "./avg-pool2d.ts";
import { requireImages } from "./image.ts";
import type { Tensor } from "./operation.ts";
import { resample } from "./resample.ts";
import type { Rule, Size } from "./resample-rows.ts";
import { type Pair, pair } from "./window.ts";

/** The size of the new image, as such or as a whole multiple of the old. */
export type ResizeOptions = { readonly size: Pair } | { readonly scale: Pair };

/** Each place takes the value at ⌊place·h/p⌋, as PyTorch's "nearest": x [n, h, w, c] → y [n, p, q, c]. */
export function upsampleNearest2d({ x }: { readonly x: Tensor }, options: ResizeOptions): Tensor {
  return resampleTo(x, targetOf("upsampleNearest2d", x, options), "nearest");
}

/**
 * Each place takes the weighted mean of the four values around it, x [n, h, w, c] → y [n, p, q, c]. It lies at
 * (place + ½)·h/p − ½, within the edges; with `alignCorners` at place·(h − 1)/(p − 1), so that corner meets corner.
 */
export function upsampleBilinear2d(
  { x }: { readonly x: Tensor },
  { alignCorners = false, ...options }: ResizeOptions & { readonly alignCorners?: boolean },
): Tensor {
  const rule = alignCorners ? "alignedLinear" : "linear";
  return resampleTo(x, targetOf("upsampleBilinear2d", x, options), rule);
}

/**
 * Means of p × q bins, the bin of place i from ⌊i·h/p⌋ to ⌈(i + 1)·h/p⌉ so that neighbours may overlap:
 * x [n, h, w, c] → y [n, p, q, c]. He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014.
 */
export function adaptiveAvgPool2d({ x }: { readonly x: Tensor }, { size }: { readonly size: Pair }): Tensor {
  const [p, q] = targetOf("adaptiveAvgPool2d", x, { size });
  const [, h, w] = x.shape;
  if (h % p === 0 && w % q === 0) return avgPool2d({ x }, { kernel: [h / p, w / q] });
  return resampleTo(x, [p, q], "average");
}

function resampleTo(x: Tensor, to: Size, rule: Rule): Tensor {
  return resample(x, { rule, from: [x.shape[1], x.shape[2]], to, adjoint: false });
}

/** The size asked for, checked. */
function targetOf(name: string, x: Tensor, options: ResizeOptions): Size {
  requireImages(x.shape);
  const asked = pair("size" in options ? options.size : options.scale);
  const word = "size" in options ? "size" : "scale";
  for (const each of asked)
    if (!Number.isInteger(each) || each < 1)
      throw new OptionError(
        `${name}: ${word} is ${each}, but must be a whole number of at least 1.${word === "scale" ? " Give the size?" : ""}`,
        { [word]: each },
      );
  return "size" in options ? [asked[0], asked[1]] : [x.shape[1] * asked[0], x.shape[2] * asked[1]];
}
