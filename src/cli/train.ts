/** `striate train`: trains a model on a data set, keeps the run in a folder, tests it at the end. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { Loader, parseAugmentation } from "../data/index.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import { folderStore } from "../formats/node.ts";
import { type ModelEntry, modelNamed } from "../models/registry.ts";
import { OptionError } from "../tensor/index.ts";
import { type Checkpoint, decodeCheckpoint } from "../train/checkpoint.ts";
import { lastFile } from "../train/run-keeper.ts";
import { train } from "../train/trainer.ts";
import { type Host, type StopSignal, stopCodes } from "./host.ts";
import { openNetwork } from "./network.ts";
import { resumeCommand } from "./resume-command.ts";
import { formatCount, formatDuration, formatPercent } from "./table.ts";
import { addTrainFlags, optionsOf, type TrainFlags } from "./train-flags.ts";
import { trainReporter } from "./train-reporter.ts";
import { dataLabel, hasValidation, openTrainingParts } from "./training-data.ts";

export function addTrain(program: Command, host: Host, finish: (code: number) => void): void {
  const command = program
    .command("train")
    .description("Train a model. Ctrl-C saves the run and says how to go on with it.")
    .argument("<model>", "a model by name; `striate models` lists them");
  addTrainFlags(command).action(async (model: string, flags: TrainFlags) => {
    finish(await runTrain(model, flags, host));
  });
}

async function runTrain(modelName: string, flags: TrainFlags, host: Host): Promise<number> {
  const entry = modelNamed(modelName);
  const out = flags.out ?? join("runs", `${entry.name}-${dataLabel(flags.data)}`);
  const store = folderStore(out);
  const before = await earlierRun(out, flags.resume ?? false, host);
  const options = optionsOf(entry.name, flags, before, await hasValidation(flags.data));
  const imageShape = flags.input ?? before?.data.imageShape ?? entry.input;

  const parts = await openTrainingParts(
    flags,
    {
      seed: options.seed,
      limit: options.limit,
      validation: options.validation,
      imageShape,
      isShapeGiven: flags.input !== undefined,
    },
    host,
  );
  const { name, fingerprint, classes, normalization } = parts.train;
  const logits = flags.classes ?? classes.length;
  if (logits < classes.length) {
    throw new OptionError(`--classes is ${logits}, but ${flags.data} has ${classes.length} classes.`);
  }
  const auxiliary = trainsHeads(entry, flags, before);
  const model = { name: entry.name, options: { classes: logits, ...(auxiliary ? { auxiliary } : {}) } };
  const data = { name, fingerprint, classes, normalization, imageShape: parts.train.imageShape };
  // The last bits of a run are its engine's: one that goes on keeps it.
  const { learner, engine, dispose } = await openNetwork(
    {
      model,
      imageShape: data.imageShape,
      options,
      memory: {
        ...(options.microBatch === null ? {} : { microBatch: options.microBatch }),
        ...(flags.recompute === undefined ? {} : { recompute: flags.recompute }),
      },
      flags,
      before: before?.training.engine,
    },
    host,
  );

  const { batch, seed } = options;
  const augment = parseAugmentation(options.augment);
  const trainLoader = new Loader(parts.train, { batch, seed, shuffle: true, augment });
  const measure = (dataset: typeof parts.train) => new Loader(dataset, { batch, normalization });
  const validationLoader = parts.validation && measure(parts.validation);
  const testLoader = parts.test && measure(parts.test);

  const controller = new AbortController();
  let stoppedBy: StopSignal = "SIGINT";
  const release = host.onStop((signal) => {
    stoppedBy = signal;
    controller.abort();
    host.log("\nStopping after this step; once more stops at once.\n");
  });
  try {
    const outcome = await train({
      model,
      data,
      options: { ...options, engine },
      learner,
      train: trainLoader,
      ...(validationLoader ? { validation: validationLoader } : {}),
      store,
      ...(flags.checkpointSteps === undefined ? {} : { checkpointSteps: flags.checkpointSteps }),
      ...(before ? { resume: before } : {}),
      onEvent: trainReporter(host),
      clock: host.clock,
      signal: controller.signal,
    });
    release();
    const isAborted = outcome.stopped === "aborted";
    const tested = testLoader && !isAborted ? await evaluate(learner, testLoader.epoch(0)) : undefined;
    const result = {
      model: entry.name,
      data: name,
      engine,
      seed,
      parameters: learner.parameterCount,
      ...outcome,
      testTop1: tested?.top1 ?? null,
      testLoss: tested?.loss ?? null,
    };
    if (flags.json) host.out(`${JSON.stringify(result)}\n`);
    else if (!isAborted) host.out(report(result));
    if (!isAborted) return 0;
    host.log(`Stopped after ${formatCount(outcome.steps)} steps; the run is in ${out}. Go on with it:\n`);
    host.log(`  ${resumeCommand(host.args)}\n`);
    return stopCodes[stoppedBy];
  } finally {
    release();
    dispose();
    await Promise.all([trainLoader, validationLoader, testLoader].map((loader) => loader?.dispose()));
  }
}

/** Whether auxiliary heads are trained: as asked for, as in the run that goes on, or wherever the model has them. */
function trainsHeads(entry: ModelEntry, { auxiliary }: TrainFlags, before: Checkpoint | undefined): boolean {
  if (auxiliary !== undefined) return auxiliary;
  if (before !== undefined) return before.model.options.auxiliary === true;
  return entry.training !== undefined;
}

/** The run to go on with. Refuses to begin another one over it. */
async function earlierRun(out: string, resume: boolean, host: Host): Promise<Checkpoint | undefined> {
  const path = join(out, lastFile);
  if (!existsSync(path)) {
    // A script that is started again and again can always say --resume.
    if (resume) host.log(`${out} has no checkpoint yet: the run begins.\n`);
    return undefined;
  }
  if (!resume) {
    throw new OptionError(
      `${out} holds a run already. Add --resume to go on with it, or name another folder with --out.`,
    );
  }
  const bytes = await folderStore(out).read(lastFile);
  return bytes && decodeCheckpoint(bytes, path);
}

interface Result {
  readonly model: string;
  readonly parameters: number;
  readonly epochs: number;
  readonly trainLoss: number | null;
  readonly valTop1: number | null;
  readonly testTop1: number | null;
  readonly imagesPerSecond: number | null;
  readonly durationMs: number;
  readonly checkpoint: string | null;
}

function report(result: Result): string {
  const lines = [
    `${result.model}, ${formatCount(result.parameters)} parameters, ${result.epochs} epochs in ${formatDuration(result.durationMs)}`,
    `training loss     ${result.trainLoss?.toFixed(4) ?? "–"}`,
    `validation top-1  ${formatPercent(result.valTop1)}`,
    `test top-1        ${formatPercent(result.testTop1)}`,
    `checkpoint        ${result.checkpoint}`,
  ];
  return `${lines.join("\n")}\n`;
}
