/** `striate evaluate`: measures a checkpoint on the test images of a data set. */

import type { Command } from "commander";
import { type Dataset, Loader } from "../data/index.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import type { Metrics } from "../evaluate/metrics.ts";
import { DatasetError } from "../tensor/index.ts";
import type { DataRecord } from "../train/checkpoint.ts";
import { addEngineOptions, type EngineFlags } from "./engines.ts";
import { count, oneOf } from "./flags.ts";
import type { Host } from "./host.ts";
import { openCheckpoint, type WeightFlags } from "./open-checkpoint.ts";
import { bar, ProgressLine } from "./progress-line.ts";
import { formatCount, formatPercent, formatTable } from "./table.ts";
import { type DataFlags, evaluationSplit, openPart } from "./training-data.ts";

const splits = ["train", "validation", "test"] as const;

interface EvaluateFlags extends DataFlags, WeightFlags, EngineFlags {
  readonly split?: (typeof splits)[number];
  readonly batch?: number;
  readonly json?: boolean;
}

export function addEvaluate(program: Command, host: Host): void {
  const command = program
    .command("evaluate")
    .description("Measure a checkpoint: top-1, top-5, loss and confusion.")
    .argument("<checkpoint>", "a file that `striate train` or `striate convert` wrote, or published weights")
    .requiredOption("--data <name|dir>", "a data set by name or a folder of pictures by class")
    .option("--model <name>", "the model, where the file is no checkpoint of ours")
    .option("--labels <file>", "names of the classes, one a line, where the checkpoint has none")
    .option("--data-dir <dir>", "where the files of a named data set are")
    .option(
      "--split <part>",
      `which part: ${splits.join(", ")} (default: test, else validation)`,
      oneOf(...splits),
    )
    .option("--batch <n>", "images at a time (default: as in training)", count);
  addEngineOptions(command)
    .option("--json", "write one JSON object")
    .action((path: string, flags: EvaluateFlags) => runEvaluate(path, flags, host));
}

async function runEvaluate(path: string, flags: EvaluateFlags, host: Host): Promise<void> {
  const { checkpoint, learner, batch, dispose } = await openCheckpoint(path, flags, host);
  const { normalization } = checkpoint.data;
  const line = new ProgressLine(host);
  try {
    const dataset = await openMatching(path, checkpoint.data, flags, host);
    // Normalised as in training, whatever the data would be normalised with on its own.
    const loader = new Loader(dataset, { batch, normalization });
    const began = host.clock();
    const metrics = await evaluate(learner, loader.epoch(0), {
      onProgress: (images) =>
        line.draw(() => `${bar(images / dataset.length, 20)} ${formatCount(images)} images`),
    }).finally(() => loader.dispose());
    line.clear();
    const imagesPerSecond = (metrics.images / (host.clock() - began)) * 1000;
    const { name: data, split, classes } = dataset;
    const result = { model: checkpoint.model.name, data, split, ...metrics, imagesPerSecond, classes };
    host.out(flags.json ? `${JSON.stringify(result)}\n` : report(metrics, classes, imagesPerSecond));
  } finally {
    line.clear();
    dispose();
  }
}

/** The images to measure with. Throws a DatasetError when their classes are not those of the checkpoint. */
async function openMatching(
  path: string,
  trained: DataRecord,
  flags: EvaluateFlags,
  host: Host,
): Promise<Dataset> {
  const split = flags.split ?? (await evaluationSplit(flags.data));
  const dataset = await openPart(flags, split, trained.imageShape, host, trained.cropFraction);
  // Published weights often come without names: as many classes are then taken for the same, in their order.
  const isUnnamed = trained.name === "unknown" && trained.classes.every((name, label) => name === `${label}`);
  const isSame = isUnnamed
    ? dataset.classes.length === trained.classes.length
    : dataset.classes.join("\n") === trained.classes.join("\n");
  if (!isSame) {
    const [known, found] = [few(trained.classes), few(dataset.classes)];
    const message = `${path} tells ${known} apart, but ${flags.data} has the classes ${found}.`;
    throw new DatasetError(message, { file: path, classes: trained.classes, found: dataset.classes });
  }
  return dataset;
}

function report(
  { images, top1, top5, loss, confusion, perClass }: Metrics,
  classes: readonly string[],
  speed: number,
) {
  const head = [
    `${formatCount(images)} images at ${formatCount(speed)} a second`,
    `top-1  ${formatPercent(top1)}`,
    `top-5  ${formatPercent(top5)}`,
    `loss   ${loss.toFixed(4)}`,
  ].join("\n");
  const right = "right" as const;
  const columns = [{ title: "class" }, { title: "right", align: right }, { title: "most often taken for" }];
  const rows = classes.map((name, label) => {
    const row = confusion[label];
    const others = row.map((count, named) => ({ count, named })).filter(({ named }) => named !== label);
    const worst = others.reduce((most, other) => (other.count > most.count ? other : most), {
      count: 0,
      named: -1,
    });
    const mistaken = worst.count > 0 ? `${classes[worst.named] ?? worst.named} (${worst.count})` : "";
    return [name, formatPercent(perClass[label]), mistaken];
  });
  return `${head}\n\n${formatTable(columns, rows)}`;
}

function few(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")}, … (${names.length})` : names.join(", ");
}
