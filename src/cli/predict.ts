/** `striate predict`: names what pictures show, by a checkpoint. */

import type { Command } from "commander";
import type { Prediction } from "../inference/index.ts";
import { addEngineOptions, type EngineFlags } from "./engines.ts";
import { count } from "./flags.ts";
import type { Host } from "./host.ts";
import { openCheckpoint, type WeightFlags } from "./open-checkpoint.ts";
import { formatPercent, formatTable } from "./table.ts";

interface PredictFlags extends WeightFlags, EngineFlags {
  readonly top: number;
  readonly json?: boolean;
}

export function addPredict(program: Command, host: Host): void {
  const command = program
    .command("predict")
    .description("Name what pictures show (PNG, JPEG, WebP), with probabilities.")
    .argument("<checkpoint>", "a file that `striate train` or `striate convert` wrote, or published weights")
    .argument("<image...>", "picture files; they are scaled and normalised as in training")
    .option("--model <name>", "the model, where the file is no checkpoint of ours")
    .option("--labels <file>", "names of the classes, one a line, where the checkpoint has none")
    .option("--top <n>", "classes to name for each picture", count, 5);
  addEngineOptions(command)
    .option("--json", "write one JSON object")
    .action((path: string, files: string[], flags: PredictFlags) => runPredict(path, files, flags, host));
}

async function runPredict(
  path: string,
  files: readonly string[],
  flags: PredictFlags,
  host: Host,
): Promise<void> {
  const batch = Math.min(files.length, 32);
  const classifier = await openCheckpoint(path, { ...flags, batch }, host);
  try {
    const found = await classifier.classifyFiles(files, { top: flags.top });
    const images = files.map((file, i) => ({ file, predictions: found[i] }));
    const model = classifier.checkpoint.model.name;
    host.out(flags.json ? `${JSON.stringify({ model, images })}\n` : report(images));
  } finally {
    classifier.dispose();
  }
}

function report(
  images: readonly { readonly file: string; readonly predictions: readonly Prediction[] }[],
): string {
  const right = "right" as const;
  const columns = [{ title: "picture" }, { title: "class" }, { title: "probability", align: right }];
  const rows = images.flatMap(({ file, predictions }) =>
    predictions.map((each, i) => [i === 0 ? file : "", each.class, formatPercent(each.probability)]),
  );
  return formatTable(columns, rows);
}
