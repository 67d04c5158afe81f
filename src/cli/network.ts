/** Builds the network of a run or a checkpoint on an engine. */

import { modelNamed } from "../models/registry.ts";
import { OptionError } from "../tensor/index.ts";
import type { ModelRecord } from "../train/checkpoint.ts";
import { createLearner, type LearnerOptions } from "../train/compiled-learner.ts";
import type { Learner } from "../train/learner.ts";
import type { TrainingOptions } from "../train/options.ts";
import { openEngine } from "./engines.ts";
import type { ImageShape } from "./flags.ts";

export interface NetworkRequest {
  readonly model: ModelRecord;
  readonly imageShape: ImageShape;
  readonly options: Pick<TrainingOptions, "labelSmoothing" | "optimizer" | "seed">;
  /** For a network that trains: how it does with less memory. */
  readonly memory?: Pick<LearnerOptions, "microBatch" | "recompute">;
  /** One of `engineChoices`, or what an earlier run computed with. */
  readonly engine: string;
  readonly threads: number | undefined;
}

export interface OpenedNetwork {
  readonly learner: Learner;
  /** Name of the engine that was chosen. */
  readonly engine: string;
  /** Ends network and engine. */
  dispose(): void;
}

export async function openNetwork(request: NetworkRequest): Promise<OpenedNetwork> {
  const { imageShape, model, options } = request;
  const entry = modelNamed(model.name);
  const { classes } = model.options;
  if (typeof classes !== "number") throw new OptionError(`${entry.name}: the number of classes is missing.`);
  const engine = await openEngine(request.engine, request.threads);
  try {
    const { labelSmoothing, optimizer, seed } = options;
    const layers = entry.build({ classes });
    const learner = await createLearner({
      model: layers,
      imageShape,
      engine,
      optimizer,
      seed,
      labelSmoothing,
      ...request.memory,
    });
    const dispose = () => {
      learner.dispose();
      engine.dispose();
    };
    return { learner, engine: engine.name, dispose };
  } catch (error) {
    engine.dispose();
    throw error;
  }
}
