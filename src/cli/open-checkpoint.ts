/** Opens the network of a checkpoint to use it: the model it names, with its weights. */

import { readFileBytes } from "../formats/node.ts";
import { type Checkpoint, decodeCheckpoint } from "../train/checkpoint.ts";
import type { Learner } from "../train/learner.ts";
import { restoreFrom } from "../train/resume.ts";
import type { EngineChoice } from "./engines.ts";
import { openNetwork } from "./network.ts";

export interface EngineFlags {
  readonly engine: EngineChoice;
  readonly threads?: number;
  readonly batch?: number;
}

export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly learner: Learner;
  readonly batch: number;
  /** Ends network and engine. */
  dispose(): void;
}

export async function openCheckpoint(path: string, flags: EngineFlags): Promise<OpenedCheckpoint> {
  const checkpoint = await decodeCheckpoint(await readFileBytes(path), path);
  const { data, model, training } = checkpoint;
  const { imageShape } = data;
  const request = { model, imageShape, options: training, engine: flags.engine, threads: flags.threads };
  const { learner, dispose } = await openNetwork(request);
  try {
    // Optimizer state stays as the new network has it: to use a network it makes no difference, and best weights have none.
    const weights = [...checkpoint.state].filter(([name]) => !name.startsWith("optimizer."));
    restoreFrom(path, learner, new Map([...optimizerState(learner), ...weights]));
  } catch (error) {
    dispose();
    throw error;
  }
  return { checkpoint, learner, batch: flags.batch ?? training.batch, dispose };
}

function optimizerState(learner: Learner) {
  return [...learner.state()].filter(([name]) => name.startsWith("optimizer."));
}
