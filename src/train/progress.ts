/** How far a training has come: all that the loop knows besides weights, so that a checkpoint can go on from it. */

import type { Fields } from "./fields.ts";
import { initialScheduleState, type ScheduleState } from "./schedules/index.ts";

/** The measures of one finished epoch. */
export interface EpochMeasures {
  /** Mean loss over the epoch's training images, each measured before the update of its step. */
  readonly trainLoss: number;
  /** Of the validation images after the epoch; null without any. */
  readonly valLoss: number | null;
  readonly valTop1: number | null;
}

export interface Progress {
  /** Epochs finished, their validation included. */
  readonly epoch: number;
  /** Updates done. It also counts the random numbers: dropout draws by (seed, step), the loader by (seed, epoch). */
  readonly step: number;
  /** Batches of the current epoch done. */
  readonly batch: number;
  /** Sum of the losses of the current epoch's images so far, and how many those are. */
  readonly lossSum: number;
  readonly images: number;
  readonly schedule: ScheduleState;
  /** The epoch (counted from 1) with the best validation top-1, and its measures; null before the first. */
  readonly best: { readonly epoch: number; readonly top1: number; readonly loss: number | null } | null;
  /** Measures of the last finished epoch; null before the first. */
  readonly last: EpochMeasures | null;
}

export const initialProgress: Progress = {
  epoch: 0,
  step: 0,
  batch: 0,
  lossSum: 0,
  images: 0,
  schedule: initialScheduleState,
  best: null,
  last: null,
};

export function readProgress(fields: Fields): Progress {
  const schedule = fields.fields("schedule");
  const best = fields.fieldsOrNull("best");
  const last = fields.fieldsOrNull("last");
  return {
    epoch: fields.count("epoch"),
    step: fields.count("step"),
    batch: fields.count("batch"),
    lossSum: fields.number("lossSum"),
    images: fields.count("images"),
    schedule: {
      factor: schedule.number("factor"),
      best: schedule.numberOrNull("best"),
      badEpochs: schedule.count("badEpochs"),
    },
    best: best && { epoch: best.count("epoch"), top1: best.number("top1"), loss: best.numberOrNull("loss") },
    last: last && {
      trainLoss: last.number("trainLoss"),
      valLoss: last.numberOrNull("valLoss"),
      valTop1: last.numberOrNull("valTop1"),
    },
  };
}
