/** metrics.jsonl: one line of JSON for each finished epoch, beside the checkpoints. */

import type { RunStore } from "../formats/store.ts";
import type { EpochLine } from "./events.ts";

export const metricsFile = "metrics.jsonl";

export async function appendMetrics(store: RunStore, line: EpochLine): Promise<void> {
  const { epoch, step, trainLoss, valLoss, valTop1, learningRate, imagesPerSecond } = line;
  const fields = { epoch, step, trainLoss, valLoss, valTop1, learningRate, imagesPerSecond };
  await store.append(metricsFile, `${JSON.stringify(fields)}\n`);
}

/**
 * Cuts what a stopped run wrote after the checkpoint that is gone on from: lines of later epochs, and a line that a crash
 * tore. The epochs will be run again and write them again.
 */
export async function cutMetrics(store: RunStore, epochsDone: number): Promise<void> {
  const bytes = await store.read(metricsFile);
  if (!bytes) return;
  const lines = new TextDecoder().decode(bytes).split("\n").slice(0, -1); // what follows the last newline is torn or empty
  const kept = lines.filter((line) => {
    const epoch = epochOf(line);
    return epoch !== undefined && epoch <= epochsDone;
  });
  const text = kept.map((line) => `${line}\n`).join("");
  const cut = new TextEncoder().encode(text);
  if (cut.length !== bytes.length) await store.write(metricsFile, cut);
}

function epochOf(line: string): number | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isLine = typeof value === "object" && value !== null && "epoch" in value;
    return isLine && typeof value.epoch === "number" ? value.epoch : undefined;
  } catch {
    return undefined;
  }
}
