/** Opens the network of a checkpoint to use it: the model it names, with its weights. */

import { readFileBytes } from "../formats/node.ts";
import { type Checkpoint, decodeCheckpoint } from "../train/checkpoint.ts";
import type { Learner } from "../train/learner.ts";
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
}

export async function openCheckpoint(path: string, flags: EngineFlags): Promise<OpenedCheckpoint> {
  const checkpoint = await decodeCheckpoint(await readFileBytes(path), path);
  const batch = flags.batch ?? checkpoint.training.batch;
  const { learner } = await openNetwork({
    model: checkpoint.model,
    imageShape: checkpoint.data.imageShape,
    options: { ...checkpoint.training, batch },
    engine: flags.engine,
    threads: flags.threads,
  });
  // Weights that were kept as the best ones come without optimizer state; to use a network it makes no difference.
  learner.restore(new Map([...learner.state(), ...checkpoint.state]));
  return { checkpoint, learner, batch };
}
