/** What a training tells while it runs; the command line draws a bar of it, a page may draw a curve. */

import type { EpochMeasures } from "./progress.ts";

/** One finished epoch, as a line of metrics.jsonl. */
export interface EpochLine extends EpochMeasures {
  /** Counted from 1. */
  readonly epoch: number;
  /** Updates done by its end. */
  readonly step: number;
  /** Rate of its last step. */
  readonly learningRate: number;
  /** Training images a second, waiting for data included and validation not; null when no time passed. */
  readonly imagesPerSecond: number | null;
}

export type TrainingEvent =
  | {
      readonly kind: "start";
      /** Epochs and updates done before; not 0 when a run goes on. */
      readonly epoch: number;
      readonly step: number;
      readonly epochs: number;
      readonly batches: number;
      readonly images: number;
    }
  | {
      readonly kind: "step";
      /** Counted from 1. */
      readonly epoch: number;
      readonly step: number;
      /** Batches of the epoch done, of how many. */
      readonly batch: number;
      readonly batches: number;
      /** Loss of the batch, and the mean over the epoch so far. */
      readonly loss: number;
      readonly meanLoss: number;
      readonly learningRate: number;
      readonly imagesPerSecond: number | null;
      /** NaN unless gradients are clipped by norm. */
      readonly gradientNorm: number;
    }
  | { readonly kind: "validate"; readonly epoch: number; readonly images: number; readonly of: number }
  | ({ readonly kind: "epoch"; readonly epochs: number; readonly isBest: boolean } & EpochLine)
  | { readonly kind: "checkpoint"; readonly file: string; readonly step: number };
