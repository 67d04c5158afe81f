/** Pooling layers. */

import { type AvgPool2dAttributes, avgPool2d as avgPool2dOp } from "../ops/avg-pool2d.ts";
import { globalAveragePool2d, globalMaxPool2d as globalMaxPool2dOp } from "../ops/global-pool2d.ts";
import { type MaxPool2dAttributes, maxPool2d as maxPool2dOp } from "../ops/max-pool2d.ts";
import { reshape } from "../ops/reshape.ts";
import { adaptiveAvgPool2d as adaptiveAvgPool2dOp } from "../ops/resize2d.ts";
import { type Pair, pair } from "../ops/window.ts";
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

export interface GlobalAvgPool2dOptions {
  /** Whether the result is an image of one place, [n, 1, 1, c], for convolutions to follow. Default false. */
  readonly keepAxes?: boolean;
}

/** The mean of each channel. x [n, h, w, c] → [n, c], with `keepAxes` [n, 1, 1, c]. */
export function globalAvgPool2d({ keepAxes = false }: GlobalAvgPool2dOptions = {}): Layer {
  return (x) => {
    const y = globalAveragePool2d({ x }, {});
    const [n, c] = y.shape;
    return keepAxes ? reshape({ x: y }, { shape: [n, 1, 1, c] }) : y;
  };
}

/** The greatest value of each channel. x [n, h, w, c] → [n, c]. */
export function globalMaxPool2d(): Layer {
  return (x) => globalMaxPool2dOp({ x }, {});
}

/**
 * Means for an output of `size` places, whatever the image, as PyTorch has them; x itself where it has that size. A model
 * whose last layers are linear takes images of other sizes this way.
 */
export function adaptiveAvgPool2d(size: Pair): Layer {
  const [p, q] = pair(size);
  for (const each of [p, q]) checkWhole("adaptiveAvgPool2d", "size", each);
  return (x) => (x.shape[1] === p && x.shape[2] === q ? x : adaptiveAvgPool2dOp({ x }, { size }));
}
