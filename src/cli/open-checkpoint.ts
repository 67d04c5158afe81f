/** Opens the network of a checkpoint, or of published weights, to use it on the engine that the flags ask for. */

import { readFile } from "node:fs/promises";
import { type FileClassifier, openClassifier } from "../inference/node.ts";
import { OptionError } from "../tensor/index.ts";
import { type EngineFlags, openEngine } from "./engines.ts";
import type { Host } from "./host.ts";

/** What a file of weights that is no checkpoint of ours does not say. */
export interface WeightFlags {
  readonly model?: string;
  readonly labels?: string;
}

export interface OpenedCheckpoint extends FileClassifier {
  readonly batch: number;
}

export async function openCheckpoint(
  path: string,
  flags: EngineFlags & WeightFlags & { readonly batch?: number },
  host: Host,
): Promise<OpenedCheckpoint> {
  const { batch, model } = flags;
  const labels = flags.labels === undefined ? undefined : await readLabels(flags.labels);
  const engine = await openEngine(flags, host);
  try {
    const classifier = await openClassifier(path, {
      engine,
      ...(batch === undefined ? {} : { batch }),
      ...(model === undefined ? {} : { model }),
      ...(labels === undefined ? {} : { labels }),
    });
    const dispose = () => {
      classifier.dispose();
      engine.dispose();
    };
    return { ...classifier, batch: batch ?? classifier.checkpoint.training.batch, dispose };
  } catch (error) {
    engine.dispose();
    throw error;
  }
}

/** Names of classes, one a line; empty lines at the end are none. */
export async function readLabels(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new OptionError(`--labels: ${path} cannot be read: ${cause.message}.`, { labels: path }, { cause });
  });
  return text.trimEnd().split(/\r?\n/);
}
