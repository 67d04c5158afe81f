/** What a learner is made of. */

import type { Engine } from "../engines/engine.ts";
import type { Recomputation } from "../graph/recompute.ts";
import type { Loss } from "../nn/loss.ts";
import type { NamedTensors } from "../nn/network.ts";
import type { Layer } from "../nn/scope.ts";
import type { Tensor } from "../ops/operation.ts";
import type { OptimizerOptions } from "./optimizer.ts";

export interface LearnerOptions {
  /**
   * The model: images [n, h, w, c] to logits [n, classes], or of pixels [n, p, q, classes] with labels [n, p, q], or to several
   * outputs of which one is "logits".
   */
  readonly model: Layer<Tensor | NamedTensors>;
  readonly imageShape: readonly [h: number, w: number, c: number];
  readonly engine: Engine;
  /** Default: plain SGD. */
  readonly optimizer?: OptimizerOptions;
  /** Draws the initial values and dropout. Default 0. */
  readonly seed?: number;
  /** Whether initial values are drawn: false where weights are about to be restored, which large networks then need not wait for. Default true. */
  readonly initialize?: boolean;
  /** Given to the loss, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
  /** From outputs and integer labels [n]; `registry.ts` has those of models with several outputs. Default: mean cross-entropy of "logits". */
  readonly loss?: Loss;
  /**
   * What the backward pass computes again rather than keep in memory: "activations" costs a pass over memory each, "blocks" about
   * another forward pass. The results are the same to the bit. Default "none".
   */
  readonly recompute?: Recomputation;
  /**
   * Images that are computed at once: larger batches go through the network in parts, whose gradients are summed before the one
   * update. Equal to the whole batch up to rounding where images do not meet in it: batch norm takes the moments of each part, and
   * dropout draws anew. `loss` must be a mean over images. Default: the whole batch.
   */
  readonly microBatch?: number;
}
