/** What a training is given and what it gives back. */

import type { Batch } from "../data/dataset.ts";
import type { RunStore } from "../formats/store.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { TrainingEvent } from "./events.ts";
import type { Learner } from "./learner.ts";
import type { RunIdentity } from "./resume.ts";

/** Where batches come from: a `Loader` of `data/`. */
export interface BatchSource {
  readonly dataset: { readonly length: number };
  /** Batches in an epoch. */
  readonly batches: number;
  /** The batches of epoch `epoch` (from 0), from batch `from` on. */
  epoch(epoch: number, options?: { readonly from?: number }): AsyncIterable<Batch>;
}

export interface TrainingRun extends RunIdentity {
  readonly learner: Learner;
  readonly train: BatchSource;
  /** Images to validate with after every epoch. */
  readonly validation?: BatchSource;
  /** Keeps last.safetensors, best.safetensors and metrics.jsonl. Without it nothing is kept. */
  readonly store?: RunStore;
  /** Also writes last.safetensors after every so many steps. */
  readonly checkpointSteps?: number;
  /** Goes on from here. */
  readonly resume?: Checkpoint;
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Milliseconds from any beginning, for example `performance.now`. */
  readonly clock: () => number;
  /** Stops after the step that runs; the state is saved first. */
  readonly signal?: AbortSignal;
}

export interface TrainingOutcome {
  /** "early": stopped by `patience`. "aborted": by the signal; the run can go on from its checkpoint. */
  readonly stopped: "finished" | "early" | "aborted";
  /** Epochs finished and updates done, those before a resume included. */
  readonly epochs: number;
  readonly steps: number;
  /** Of the last finished epoch; null before the first. */
  readonly trainLoss: number | null;
  /** Of the weights that the learner has now, which with `patience` are the best ones. */
  readonly valLoss: number | null;
  readonly valTop1: number | null;
  /** Training images a second in this session; null when it trained none. */
  readonly imagesPerSecond: number | null;
  readonly durationMs: number;
  /** File of the weights that the learner has now; null without a store. */
  readonly checkpoint: string | null;
}
