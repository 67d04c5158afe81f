/** `striate summary`: the table of a model, as its paper has it. */

import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { diagram } from "../explain/index.ts";
import type { Recomputation } from "../graph/recompute.ts";
import { type InferenceMemory, inferenceMemory } from "../models/memory.ts";
import { modelNamed, networkOf } from "../models/registry.ts";
import { type Summary, type SummaryRow, summarize } from "../models/summary.ts";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/index.ts";
import { trainingOptions } from "../train/options.ts";
import { recipeFor } from "../train/recipes.ts";
import { trainingMemory } from "../train/training-memory.ts";
import { count, type ImageShape, imageShape } from "./flags.ts";
import type { Host } from "./host.ts";
import { formatBytes, formatCount, formatTable } from "./table.ts";

interface SummaryFlags {
  readonly input?: ImageShape;
  readonly classes?: number;
  readonly batch?: number;
  readonly svg?: string;
  readonly json?: boolean;
}

export function addSummary(program: Command, host: Host): void {
  program
    .command("summary")
    .description("Show the layers of a model: shapes, parameters, multiply-adds, memory, receptive fields.")
    .argument("<model>", "a model by name; `striate models` lists them")
    .option("--input <HxWxC>", "height, width and channels of the image", imageShape)
    .option("--classes <n>", "length of the logits", count)
    .option("--batch <n>", "also plan a training step with so many images, and tell its memory", count)
    .option("--svg <file>", "also draw it: maps to scale, branches as lanes, repeated blocks once")
    .option("--json", "write one JSON object")
    .action(async (name: string, { input, classes, batch, svg, json = false }: SummaryFlags) => {
      const entry = modelNamed(name);
      const given = { classes: classes ?? entry.classes };
      const image = input ?? entry.input;
      const network = build(entry.build(given), { input: [1, ...image] });
      const [summary, memory] = [summarize(network), inferenceMemory(network)];
      const training = batch === undefined ? undefined : trainingOf(entry.name, given.classes, image, batch);
      if (svg !== undefined) await writeText(svg, diagram(network, { title: entry.name }));
      host.out(
        json
          ? `${JSON.stringify({ ...jsonOf(entry.name, summary, memory), ...(training ? { training } : {}) })}\n`
          : textOf(entry.name, summary, memory) + (training ? trainingText(training) : ""),
      );
    });
}

/** What a training step takes, by its plans. */
interface PlannedTraining {
  readonly batch: number;
  readonly stateBytes: number;
  /** Buffers, by what the backward pass computes again rather than keep. */
  readonly workBytes: Readonly<Record<Recomputation, number>>;
}

/** As `striate train` would train the model: its recipe's optimizer, with heads where there are any. */
function trainingOf(name: string, classes: number, image: ImageShape, batch: number): PlannedTraining {
  const auxiliary = modelNamed(name).training !== undefined;
  const { layers: model, ...loss } = networkOf(name, { classes, auxiliary });
  const { optimizer } = trainingOptions(recipeFor(name));
  const planned = (recompute: Recomputation) =>
    trainingMemory({ model, ...loss, imageShape: image, optimizer, recompute }, batch);
  const [none, activations, blocks] = [planned("none"), planned("activations"), planned("blocks")];
  return {
    batch,
    stateBytes: none.stateBytes,
    workBytes: { none: none.workBytes, activations: activations.workBytes, blocks: blocks.workBytes },
  };
}

function trainingText({ batch, stateBytes, workBytes }: PlannedTraining): string {
  const { none, activations, blocks } = workBytes;
  const less = `${formatBytes(activations)} with --recompute activations, ${formatBytes(blocks)} with --recompute blocks`;
  return `${formatBytes(stateBytes)} of weights and velocities and ${formatBytes(none)} of buffers to train with ${formatCount(batch)} at a time; ${less}\n`;
}

function jsonOf(model: string, { inputShape, rows, totals }: Summary, inference: InferenceMemory) {
  const layers = rows.map(({ receptiveField, ...row }) => ({
    ...row,
    receptiveField: receptiveField ?? null,
  }));
  return { model, inputShape, layers, ...totals, inference };
}

function textOf(model: string, { inputShape, rows, totals }: Summary, memory: InferenceMemory): string {
  const right = "right" as const;
  const columns = [
    { title: "layer" },
    { title: "kind" },
    { title: "output", align: right },
    { title: "parameters", align: right },
    { title: "MACs", align: right },
    { title: "activations", align: right },
    { title: "sees", align: right },
    { title: "step", align: right },
    { title: "from", align: right },
  ];
  const cells = rows.map((row) => [
    row.name,
    row.kind,
    row.outputShape.join("×"),
    formatCount(row.parameters),
    formatCount(row.macs),
    formatBytes(row.activationBytes),
    ...fieldOf(row),
  ]);
  return [
    `${model}, input ${inputShape.join("×")}\n\n`,
    formatTable(columns, cells),
    `\n${formatCount(totals.parameters)} parameters, ${formatCount(totals.macs)} multiply-adds for one image\n`,
    `${formatBytes(totals.forwardBytes)} for one image forward, ${formatBytes(totals.trainingBytes)} to train with it\n`,
    `${formatBytes(memory.weightBytes)} of weights and ${formatBytes(memory.workBytes)} of buffers, used again and again, to classify it\n`,
  ].join("");
}

/**
 * The pixels of the input that one output depends on: how many ("5×5"), how far apart for neighbours, and where they begin for the
 * first output, which is negative in the padding. One number where height and width are alike.
 */
function fieldOf({ receptiveField }: SummaryRow): readonly [sees: string, step: string, from: string] {
  if (!receptiveField) return ["–", "", ""];
  const [v, h] = receptiveField;
  const both = (a: number, b: number) => (a === b ? `${a}` : `${a}, ${b}`);
  return [`${v.size}×${h.size}`, both(v.stride, h.stride), both(v.start, h.start).replaceAll("-", "−")];
}

/** Writes a picture, over one that is there. */
async function writeText(path: string, content: string): Promise<void> {
  await writeFile(path, content).catch((cause) => {
    throw new OptionError(`${path} cannot be written: ${cause.message}.`, { path }, { cause });
  });
}
