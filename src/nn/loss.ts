/** What training makes smaller. */

import type { Tensor } from "../ops/operation.ts";
import type { NamedTensors } from "./network.ts";

export interface LossOptions {
  /** Share of the target that goes to all classes alike, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
}

/** One number, from a network's outputs and the labels of its images. */
export type Loss = (outputs: NamedTensors, labels: Tensor, options?: LossOptions) => Tensor;
