/** Builds the network of a run or a checkpoint on an engine. */

import { modelNamed } from "../models/registry.ts";
import { EngineError, OptionError } from "../tensor/index.ts";
import type { ModelRecord } from "../train/checkpoint.ts";
import type { Learner } from "../train/learner.ts";
import type { TrainingOptions } from "../train/options.ts";
import type { ImageShape } from "./flags.ts";

export interface NetworkRequest {
  readonly model: ModelRecord;
  readonly imageShape: ImageShape;
  readonly options: TrainingOptions;
  /** One of `engineChoices`, or what an earlier run computed with. */
  readonly engine: string;
  readonly threads: number | undefined;
}

export interface OpenedNetwork {
  readonly learner: Learner;
  /** The engine that was chosen. */
  readonly engine: string;
}

export async function openNetwork({ model }: NetworkRequest): Promise<OpenedNetwork> {
  const entry = modelNamed(model.name);
  const { classes } = model.options;
  if (typeof classes !== "number") throw new OptionError(`${entry.name}: has no number of classes.`);
  throw new EngineError("No engine is there yet.");
}
