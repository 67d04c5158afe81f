/** What the trainer asks of a compiled network: it knows nothing of graphs and engines, only steps, state and losses. */

import type { ParameterKind } from "../ops/operation.ts";

export interface StepResult {
  /** Loss before the update, mean over the batch (with regularising terms of the loss, without weight decay). */
  readonly loss: number;
  /** Logits of the batch [count, classes]; valid until the next call. */
  readonly logits: Float32Array;
  /** L2 norm of all gradients before clipping; only when clipping by norm is on, else NaN. */
  readonly gradientNorm: number;
}

export interface Learner {
  /** Trainable parameters, counted in numbers. */
  readonly parameterCount: number;
  readonly classes: number;
  /** Runs forward, backward and update on one batch. `step` is the number of updates done before; it seeds dropout. */
  trainStep(
    images: Float32Array,
    labels: Float32Array,
    count: number,
    at: { step: number; learningRate: number },
  ): Promise<StepResult>;
  /** Runs forward in inference form. */
  evaluate(images: Float32Array, labels: Float32Array, count: number): Promise<StepResult>;
  /**
   * Copies all that lasts between steps, by name: parameters and running statistics under their reference names
   * in our layout, optimizer state under "optimizer.<parameter>.<slot>".
   */
  state(): Map<string, StateTensor>;
  /** Puts state back; names or shapes that do not match are listed together in one CheckpointError. */
  restore(state: ReadonlyMap<string, StateTensor>): void;
  dispose(): void;
}

export interface StateTensor {
  /** How the shape is to be read: files keep the layouts of other frameworks. Optimizer state is of its parameter's kind. */
  readonly kind: ParameterKind;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
