/**
 * The training loop: epochs of steps with the learning rate of the schedule, validation after each epoch, checkpoints,
 * early stopping. It knows neither graphs nor files nor time: network, batches, store and clock are passed in.
 *
 * A run that was stopped and goes on from its checkpoint ends with the same bytes as one that never stopped, also from the
 * middle of an epoch: order of images, augmentation and dropout are functions of (seed, epoch, step), and `Progress` has
 * the rest.
 */

import { evaluate } from "../evaluate/evaluate.ts";
import type { Metrics } from "../evaluate/metrics.ts";
import { CheckpointError, OptionError, TrainingError } from "../tensor/index.ts";
import { breather } from "./breathe.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EpochLine, TrainingEvent } from "./events.ts";
import { initialProgress, type Progress } from "./progress.ts";
import { checkResume, restoreFrom } from "./resume.ts";
import { bestFile, lastFile, RunKeeper } from "./run-keeper.ts";
import { parseSchedule, type Schedule, warmupFactor } from "./schedules/index.ts";
import type { TrainingOutcome, TrainingRun } from "./training-run.ts";

/**
 * Trains until the epochs are done, patience ends or the signal comes. Throws a TrainingError when a loss or a weight is
 * not finite, a CheckpointError when `resume` belongs to another run.
 */
export async function train(run: TrainingRun): Promise<TrainingOutcome> {
  return new Training(run).run();
}

class Training {
  readonly #run: TrainingRun;
  readonly #schedule: Schedule;
  readonly #keeper: RunKeeper;
  readonly #breathe: () => Promise<void>;
  #progress: Progress = initialProgress;
  /** Images trained on and the time it took, in this session. */
  #images = 0;
  #ms = 0;

  constructor(run: TrainingRun) {
    this.#run = run;
    this.#schedule = parseSchedule(run.options.schedule);
    this.#keeper = new RunKeeper(run);
    this.#breathe = breather(run.clock);
    if (run.train.batches === 0) throw new TrainingError("There are no training images.");
    if (run.options.patience !== null && !run.validation?.batches) {
      throw new OptionError("patience needs validation images: hold some out.", { option: "patience" });
    }
  }

  async run(): Promise<TrainingOutcome> {
    const { clock, options, resume, signal, train } = this.#run;
    const began = clock();
    if (resume) this.#goOnFrom(resume);
    await this.#keeper.begin(this.#progress, resume?.best, resume !== undefined);
    const { epoch, step } = this.#progress;
    const images = train.dataset.length;
    this.#tell({ kind: "start", epoch, step, epochs: options.epochs, batches: train.batches, images });

    while (!this.#isStoppedEarly() && this.#progress.epoch < options.epochs) {
      const imagesPerSecond = await this.#trainEpoch();
      const metrics = signal?.aborted ? undefined : await this.#validate();
      if (signal?.aborted) {
        await this.#keeper.save(this.#progress);
        return this.#outcome("aborted", began);
      }
      await this.#finishEpoch(imagesPerSecond, metrics);
    }
    this.#takeBest();
    return this.#outcome(this.#isStoppedEarly() ? "early" : "finished", began);
  }

  #goOnFrom(checkpoint: Checkpoint): void {
    const { learner, store, train } = this.#run;
    const file = store?.locate(lastFile) ?? "checkpoint";
    checkResume(checkpoint, this.#run, file);
    const { batch } = checkpoint.progress;
    if (batch > train.batches) {
      const facts = { file, batch, batches: train.batches };
      throw new CheckpointError(`${file}: batch ${batch} is done of an epoch of ${train.batches}.`, facts);
    }
    restoreFrom(file, learner, checkpoint.state);
    this.#progress = checkpoint.progress;
  }

  /** Trains on the batches of the epoch that are not done yet. Returns images a second. */
  async #trainEpoch(): Promise<number | null> {
    const { checkpointSteps, clock, learner, signal, train } = this.#run;
    const began = clock();
    const before = this.#progress.images;
    const speed = () => perSecond(this.#progress.images - before, clock() - began);
    const { epoch, batch: from } = this.#progress;
    for await (const { images, labels, count } of train.epoch(epoch, { from })) {
      if (signal?.aborted) break;
      const { step } = this.#progress;
      const learningRate = this.#rateAt(step);
      const { loss, gradientNorm } = await learner.trainStep(images, labels, count, { step, learningRate });
      if (!Number.isFinite(loss)) {
        throw this.#keeper.notFinite(`the loss is ${loss}`, { step, epoch: epoch + 1, learningRate });
      }
      this.#advance(loss, count);
      const { batch } = this.#progress;
      const meanLoss = this.#progress.lossSum / this.#progress.images;
      const done = { epoch: epoch + 1, step: step + 1, batch, batches: train.batches };
      this.#tell({
        kind: "step",
        ...done,
        loss,
        meanLoss,
        learningRate,
        gradientNorm,
        imagesPerSecond: speed(),
      });
      if (checkpointSteps !== undefined && (step + 1) % checkpointSteps === 0) {
        await this.#keeper.save(this.#progress);
      }
      await this.#breathe();
    }
    this.#images += this.#progress.images - before;
    this.#ms += clock() - began;
    return speed();
  }

  #advance(loss: number, count: number): void {
    const { step, batch, lossSum, images } = this.#progress;
    this.#progress = {
      ...this.#progress,
      step: step + 1,
      batch: batch + 1,
      lossSum: lossSum + loss * count,
      images: images + count,
    };
  }

  /** The learning rate of a step of the current epoch. */
  #rateAt(step: number): number {
    const { options, train } = this.#run;
    const { epoch, schedule } = this.#progress;
    const { epochs, learningRate, warmupEpochs } = options;
    const at = { step, epoch, epochs, warmupEpochs, stepsPerEpoch: train.batches };
    return learningRate * this.#schedule.factor(at, schedule) * warmupFactor(at);
  }

  /** Metrics of the validation images; undefined without any, or when the signal came. */
  async #validate(): Promise<Metrics | undefined> {
    const { learner, signal, validation } = this.#run;
    if (!validation?.batches) return undefined;
    const epoch = this.#progress.epoch + 1;
    const onProgress = async (images: number) => {
      this.#tell({ kind: "validate", epoch, images, of: validation.dataset.length });
      await this.#breathe();
    };
    try {
      // Each time the same images in the same order: those of the loader's epoch 0.
      return await evaluate(learner, validation.epoch(0), { onProgress, ...(signal ? { signal } : {}) });
    } catch (error) {
      if (signal?.aborted) return undefined;
      throw error;
    }
  }

  async #finishEpoch(imagesPerSecond: number | null, metrics: Metrics | undefined): Promise<void> {
    const { options } = this.#run;
    const { best, epoch: epochsBefore, images, lossSum, schedule, step } = this.#progress;
    const epoch = epochsBefore + 1;
    const trainLoss = lossSum / images;
    const learningRate = this.#rateAt(step - 1);
    // Infinity has no JSON, and a validation loss may overflow without harm to the training.
    const valLoss = metrics && Number.isFinite(metrics.loss) ? metrics.loss : null;
    const valTop1 = metrics?.top1 ?? null;
    const isBest = valTop1 !== null && (best === null || valTop1 > best.top1 + options.minDelta);
    this.#progress = {
      ...initialProgress,
      epoch,
      step,
      schedule: this.#schedule.afterEpoch?.(schedule, metrics ? metrics.loss : trainLoss) ?? schedule,
      best: isBest ? { epoch, top1: valTop1, loss: valLoss } : best,
      last: { trainLoss, valLoss, valTop1 },
    };
    const line: EpochLine = { epoch, step, trainLoss, valLoss, valTop1, learningRate, imagesPerSecond };
    await this.#keeper.finishEpoch(this.#progress, line, isBest);
    this.#tell({ kind: "epoch", epochs: options.epochs, isBest, ...line });
  }

  #isStoppedEarly(): boolean {
    const { patience } = this.#run.options;
    const { best, epoch } = this.#progress;
    return patience !== null && best !== null && epoch - best.epoch >= patience;
  }

  /** With patience the run ends with its best weights. The optimizer stays as it is: nobody steps from here. */
  #takeBest(): void {
    const { learner } = this.#run;
    if (this.#keeper.best) learner.restore(new Map([...learner.state(), ...this.#keeper.best]));
  }

  #outcome(stopped: TrainingOutcome["stopped"], began: number): TrainingOutcome {
    const { clock, store } = this.#run;
    const { best, epoch, last, step } = this.#progress;
    const tookBest = stopped !== "aborted" && this.#keeper.best !== undefined;
    const measures = tookBest ? { valLoss: best?.loss, valTop1: best?.top1 } : last;
    return {
      stopped,
      epochs: epoch,
      steps: step,
      trainLoss: last?.trainLoss ?? null,
      valLoss: measures?.valLoss ?? null,
      valTop1: measures?.valTop1 ?? null,
      imagesPerSecond: perSecond(this.#images, this.#ms),
      durationMs: clock() - began,
      checkpoint: store?.locate(tookBest ? bestFile : lastFile) ?? null,
    };
  }

  #tell(event: TrainingEvent): void {
    this.#run.onEvent?.(event);
  }
}

function perSecond(images: number, ms: number): number | null {
  return ms > 0 && images > 0 ? (images / ms) * 1000 : null;
}
