/** Pooling layers. */

import { type AvgPool2dAttributes, avgPool2d as avgPool2dOp } from "../ops/avg-pool2d.ts";
import { type MaxPool2dAttributes, maxPool2d as maxPool2dOp } from "../ops/max-pool2d.ts";
import type { Pair } from "../ops/window.ts";
import { checkWindow } from "./options.ts";
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
