/** Keeps a run: writes its checkpoints and the lines of its metrics, and never puts a spoilt state over a good one. */

import { TrainingError } from "../tensor/index.ts";
import { encodeCheckpoint } from "./checkpoint.ts";
import type { EpochLine } from "./events.ts";
import type { StateTensor } from "./learner.ts";
import { appendMetrics, cutMetrics } from "./metrics-log.ts";
import type { Progress } from "./progress.ts";
import type { TrainingRun } from "./training-run.ts";
import { version } from "./version.ts";

export const lastFile = "last.safetensors";
export const bestFile = "best.safetensors";

type State = ReadonlyMap<string, StateTensor>;
type Kept = Pick<TrainingRun, "data" | "learner" | "model" | "onEvent" | "options" | "store">;

export class RunKeeper {
  readonly #run: Kept;
  /** Weights of the best epoch, where early stopping takes them back. */
  best: State | undefined;
  /** Updates done when last.safetensors was written. */
  #savedAt: number | undefined;

  constructor(run: Kept) {
    this.#run = run;
  }

  /** Takes over from a checkpoint, or from nothing: cuts what a stopped run logged after it. */
  async begin(progress: Progress, best: State | undefined, isResumed: boolean): Promise<void> {
    this.best = best;
    if (isResumed) this.#savedAt = progress.step;
    if (this.#run.store) await cutMetrics(this.#run.store, progress.epoch);
  }

  async save(progress: Progress): Promise<void> {
    const { learner, store } = this.#run;
    if (!store) return;
    await this.#write(lastFile, progress, learner.state(), this.best);
    this.#savedAt = progress.step;
  }

  /**
   * Keeps a finished epoch: first its line, then the best weights, then last.safetensors. A crash between them leaves the
   * checkpoint from before, from which the epoch is run again and all three are written again.
   */
  async finishEpoch(progress: Progress, line: EpochLine, isBest: boolean): Promise<void> {
    const { learner, options, store } = this.#run;
    if (store) await appendMetrics(store, line);
    if (isBest) {
      const weights = new Map([...learner.state()].filter(([name]) => !name.startsWith("optimizer.")));
      if (options.patience !== null) this.best = weights;
      await this.#write(bestFile, progress, weights);
    }
    await this.save(progress);
  }

  /** The error of a run whose numbers are no longer finite, with the checkpoint from before. */
  notFinite(what: string, at: { step: number; epoch: number; learningRate?: number }): TrainingError {
    const { options, store } = this.#run;
    const checkpoint = this.#savedAt === undefined ? null : (store?.locate(lastFile) ?? null);
    const saved = checkpoint
      ? `The last good checkpoint is ${checkpoint}, after ${this.#savedAt} steps.`
      : "There is no checkpoint yet.";
    const rate = at.learningRate === undefined ? "" : `, with a learning rate of ${at.learningRate}`;
    const where = `at step ${at.step} in epoch ${at.epoch} of ${options.epochs}${rate}`;
    return new TrainingError(
      `The training cannot go on: ${what} ${where}. ${saved} Try a lower learning rate, warm-up, or clipped gradients.`,
      { ...at, checkpoint },
    );
  }

  async #write(name: string, progress: Progress, state: State, best?: State): Promise<void> {
    const { data, model, onEvent, options, store } = this.#run;
    if (!store) return;
    for (const [array, { data: values }] of state) {
      // A step can spoil the weights and still have had a finite loss, which is that of before its update.
      if (!allFinite(values)) {
        const at = { step: progress.step, epoch: progress.batch === 0 ? progress.epoch : progress.epoch + 1 };
        throw this.notFinite(`${array} has values that are not finite`, at);
      }
    }
    const checkpoint = {
      version,
      model,
      data,
      training: options,
      progress,
      state,
      ...(best ? { best } : {}),
    };
    await store.write(name, await encodeCheckpoint(checkpoint));
    onEvent?.({ kind: "checkpoint", file: store.locate(name), step: progress.step });
  }
}

function allFinite(values: Float32Array): boolean {
  for (const value of values) if (!Number.isFinite(value)) return false;
  return true;
}
