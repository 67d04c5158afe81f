/** Builds the network of a run or a checkpoint on an engine. */

import { networkOf } from "../models/registry.ts";
import { build } from "../nn/network.ts";
import { ShapeError } from "../tensor/index.ts";
import type { ModelRecord } from "../train/checkpoint.ts";
import { createLearner } from "../train/compiled-learner.ts";
import type { Learner } from "../train/learner.ts";
import type { LearnerOptions } from "../train/learner-options.ts";
import type { TrainingOptions } from "../train/options.ts";
import { recordedNetwork } from "../train/recorded-network.ts";
import { type EngineFlags, openEngine } from "./engines.ts";
import type { ImageShape } from "./flags.ts";
import type { Host } from "./host.ts";

export interface NetworkRequest {
  readonly model: ModelRecord;
  readonly imageShape: ImageShape;
  readonly options: Pick<TrainingOptions, "labelSmoothing" | "optimizer" | "seed">;
  /** For a network that trains: how it does with less memory. */
  readonly memory?: Pick<LearnerOptions, "microBatch" | "recompute">;
  readonly flags: EngineFlags;
  /** Name of the engine that an earlier run computed with. */
  readonly before: string | undefined;
}

export interface OpenedNetwork {
  readonly learner: Learner;
  /** Name of the engine that was chosen. */
  readonly engine: string;
  /** Ends network and engine. */
  dispose(): void;
}

export async function openNetwork(request: NetworkRequest, host: Host): Promise<OpenedNetwork> {
  const { imageShape, model, options } = request;
  const { trained, classes, auxiliary } = recordedNetwork(model);
  const engine = await openEngine(request.flags, host, request.before);
  try {
    const { labelSmoothing, optimizer, seed } = options;
    const learner = await createLearner({
      ...trained,
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
    const isHeads =
      auxiliary && error instanceof ShapeError && isLargeEnough(model.name, classes, imageShape);
    if (!isHeads) throw error;
    const way = "Without the auxiliary heads the model takes images of this size: --no-auxiliary.";
    throw new ShapeError(`${error.message} ${way}`, error.facts, { cause: error });
  }
}

/** Whether the model without its heads can be trained on such images. */
function isLargeEnough(name: string, classes: number, imageShape: ImageShape): boolean {
  try {
    build(networkOf(name, { classes }).layers, { input: [2, ...imageShape], training: true });
    return true;
  } catch (error) {
    if (error instanceof ShapeError) return false;
    throw error;
  }
}
