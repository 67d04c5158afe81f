/** Pooling layers. */

import { type AvgPool2dAttributes, avgPool2d as avgPool2dOp } from "../ops/avg-pool2d.ts";
import { globalAveragePool2d, globalMaxPool2d as globalMaxPool2dOp } from "../ops/global-pool2d.ts";
import { requireImages } from "../ops/image.ts";
import { type MaxPool2dAttributes, maxPool2d as maxPool2dOp } from "../ops/max-pool2d.ts";
import { reshape } from "../ops/reshape.ts";
import { broadcastTo } from "../ops/sum.ts";
import { type Pair, pair } from "../ops/window.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { checkWhole, checkWindow } from "./options.ts";
import type { Layer } from "./scope.ts";

/** Options of the operation but the kernel: `stride` (default: the kernel), `padding`, `dilation`, `rounding`. */
export type MaxPool2dOptions = Omit<MaxPool2dAttributes, "kernel">;

/** The greatest of each window of `kernel` places. x [n, h, w, c] → [n, p, q, c]. */
export function maxPool2d(kernel: Pair, options: MaxPool2dOptions = {}): Layer {
  checkWindow("maxPool2d", { ...options, kernel });
  return (x) => maxPool2dOp({ x }, { ...options, kernel });
}

/** Options of the operation but the kernel: `stride` (default: the kernel), `padding`, `rounding`, `countIncludePad`. */
export type AvgPool2dOptions = Omit<AvgPool2dAttributes, "kernel">;

/** The mean of each window of `kernel` places. x [n, h, w, c] → [n, p, q, c]. */
export function avgPool2d(kernel: Pair, options: AvgPool2dOptions = {}): Layer {
  checkWindow("avgPool2d", { ...options, kernel });
  return (x) => avgPool2dOp({ x }, { ...options, kernel });
}

/** The mean of each channel. x [n, h, w, c] → [n, c]. */
export function globalAvgPool2d(): Layer {
  return (x) => globalAveragePool2d({ x }, {});
}

/** The greatest value of each channel. x [n, h, w, c] → [n, c]. */
export function globalMaxPool2d(): Layer {
  return (x) => globalMaxPool2dOp({ x }, {});
}

/**
 * Means for an output of `size` places, whatever the image, as PyTorch has them: x itself where it has that size, so that a
 * network takes other images. Throws a ShapeError unless one of the sizes is a multiple of the other, along each axis.
 */
export function adaptiveAvgPool2d(size: Pair): Layer {
  const wanted = pair(size);
  for (const each of wanted) checkWhole("adaptiveAvgPool2d", "size", each);
  return (x, scope) => {
    requireImages(x.shape);
    const [n, h, w, c] = x.shape;
    const kernel = [Math.max(1, h / wanted[0]), Math.max(1, w / wanted[1])] as const;
    const copies = [Math.max(1, wanted[0] / h), Math.max(1, wanted[1] / w)];
    if (![...kernel, ...copies].every(Number.isInteger))
      throw new ShapeError(
        `adaptiveAvgPool2d at ${scope.path}: x ${formatShape(x.shape)} has ${h}×${w} places, of which neither is a multiple ` +
          `nor a part of ${wanted.join("×")}. Give an image whose ${h}×${w} here become one.`,
        { x: x.shape, size: wanted },
      );
    const y = Math.max(...kernel) === 1 ? x : avgPool2dOp({ x }, { kernel });
    if (Math.max(...copies) === 1) return y;
    const [p, q] = [h / kernel[0], w / kernel[1]];
    const apart = reshape({ x: y }, { shape: [n, p, 1, q, 1, c] });
    const repeated = broadcastTo({ x: apart }, { shape: [n, p, copies[0], q, copies[1], c] });
    return reshape({ x: repeated }, { shape: [n, ...wanted, c] });
  };
}
