/** `striate predict`: names what pictures show, by a checkpoint. */

import type { Command } from "commander";
import { type Dataset, Loader } from "../data/index.ts";
import { decodeImage } from "../data/node.ts";
import type { DataRecord } from "../train/checkpoint.ts";
import { type EngineChoice, engineChoices } from "./engines.ts";
import { count, oneOf } from "./flags.ts";
import type { Host } from "./host.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import { formatPercent, formatTable } from "./table.ts";

interface PredictFlags {
  readonly top: number;
  readonly engine: EngineChoice;
  readonly threads?: number;
  readonly json?: boolean;
}

interface Prediction {
  readonly class: string;
  /** Index of the logit. */
  readonly label: number;
  readonly probability: number;
}

export function addPredict(program: Command, host: Host): void {
  program
    .command("predict")
    .description("Name what pictures show (PNG, JPEG, WebP), with probabilities.")
    .argument("<checkpoint>", "a file that `striate train` or `striate convert` wrote")
    .argument("<image...>", "picture files; they are scaled and normalised as in training")
    .option("--top <n>", "classes to name for each picture", count, 5)
    .option("--engine <name>", `what computes: ${engineChoices.join(", ")}`, oneOf(...engineChoices), "auto")
    .option("--threads <n>", "threads to compute with", count)
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
  const { checkpoint, learner, dispose } = await openCheckpoint(path, { ...flags, batch });
  const loader = new Loader(pictures(files, checkpoint.data), { batch, worker: false });
  const images: { file: string; predictions: readonly Prediction[] }[] = [];
  try {
    for await (const { images: pixels, labels, count: pictureCount } of loader.epoch(0)) {
      const { logits } = await learner.evaluate(pixels, labels, pictureCount);
      for (let n = 0; n < pictureCount; n++) {
        const row = logits.subarray(n * learner.classes, (n + 1) * learner.classes);
        images.push({
          file: files[images.length],
          predictions: best(row, checkpoint.data.classes, flags.top),
        });
      }
    }
  } finally {
    dispose();
    await loader.dispose();
  }
  host.out(flags.json ? `${JSON.stringify({ model: checkpoint.model.name, images })}\n` : report(images));
}

/** Picture files as a data set in the shape and normalisation of the training; labels mean nothing. */
function pictures(
  files: readonly string[],
  { classes, imageShape, normalization, cropFraction = 1 }: DataRecord,
): Dataset {
  const [height, width, channels] = imageShape;
  return {
    name: "pictures",
    split: "test",
    classes,
    imageShape,
    length: files.length,
    fingerprint: "",
    normalization,
    label: () => 0,
    async read(index, target) {
      target.set(await decodeImage(files[index], { height, width, channels, cropFraction }));
    },
  };
}

/** softmax(logits), the `top` greatest. */
function best(logits: Float32Array, classes: readonly string[], top: number): readonly Prediction[] {
  const greatest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Array.from(logits, (logit) => Math.exp(logit - greatest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers
    .map((power, label) => ({ class: classes[label] ?? `${label}`, label, probability: power / total }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
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
