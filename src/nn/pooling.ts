/** Pooling layers. */

import { type AvgPool2dAttributes, avgPool2d as avgPool2dOp } from "../ops/avg-pool2d.ts";
import { globalAveragePool2d, globalMaxPool2d as globalMaxPool2dOp } from "../ops/global-pool2d.ts";
import { requireImages } from "../ops/image.ts";
import { type MaxPool2dAttributes, maxPool2d as maxPool2dOp } from "../ops/max-pool2d.ts";
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
 * Means over windows that tile the image, for an output of size × size places: x itself where it has that size, so that a
 * network takes larger images. Throws a ShapeError where `size` does not divide the image.
 */
export function adaptiveAvgPool2d(size: Pair): Layer {
  const wanted = pair(size);
  for (const each of wanted) checkWhole("adaptiveAvgPool2d", "size", each);
  return (x, scope) => {
    requireImages(x.shape);
    const [h, w] = [x.shape[1], x.shape[2]];
    if (h === wanted[0] && w === wanted[1]) return x;
    if (h % wanted[0] !== 0 || w % wanted[1] !== 0)
      throw new ShapeError(
        `adaptiveAvgPool2d at ${scope.path}: ${wanted.join("×")} windows do not tile x ${formatShape(x.shape)}. ` +
          `Give an image whose ${h}×${w} places here become a multiple of ${wanted.join("×")}.`,
        { x: x.shape, size: wanted },
      );
    return avgPool2dOp({ x }, { kernel: [h / wanted[0], w / wanted[1]] });
  };
}
