/** `striate summary`: the table of a model, as its paper has it. */

import type { Command } from "commander";
import { modelNamed } from "../models/registry.ts";
import { type Summary, type SummaryRow, summarize } from "../models/summary.ts";
import { build } from "../nn/index.ts";
import { count, type ImageShape, imageShape } from "./flags.ts";
import type { Host } from "./host.ts";
import { formatBytes, formatCount, formatTable } from "./table.ts";

interface SummaryFlags {
  readonly input?: ImageShape;
  readonly classes?: number;
  readonly json?: boolean;
}

export function addSummary(program: Command, host: Host): void {
  program
    .command("summary")
    .description("Show the layers of a model: shapes, parameters, multiply-adds, memory, receptive fields.")
    .argument("<model>", "a model by name; `striate models` lists them")
    .option("--input <HxWxC>", "height, width and channels of the image", imageShape)
    .option("--classes <n>", "length of the logits", count)
    .option("--json", "write one JSON object")
    .action((name: string, { input, classes, json = false }: SummaryFlags) => {
      const entry = modelNamed(name);
      const model = entry.build({ classes: classes ?? entry.classes });
      const summary = summarize(build(model, { input: [1, ...(input ?? entry.input)] }));
      host.out(json ? `${JSON.stringify(jsonOf(entry.name, summary))}\n` : textOf(entry.name, summary));
    });
}

function jsonOf(model: string, { inputShape, rows, totals }: Summary) {
  const layers = rows.map(({ receptiveField, ...row }) => ({
    ...row,
    receptiveField: receptiveField ?? null,
  }));
  return { model, inputShape, layers, ...totals };
}

function textOf(model: string, { inputShape, rows, totals }: Summary): string {
  const right = "right" as const;
  const columns = [
    { title: "layer" },
    { title: "kind" },
    { title: "output", align: right },
    { title: "parameters", align: right },
    { title: "MACs", align: right },
    { title: "activations", align: right },
    { title: "sees", align: right },
  ];
  const cells = rows.map((row) => [
    row.name,
    row.kind,
    row.outputShape.join("×"),
    formatCount(row.parameters),
    formatCount(row.macs),
    formatBytes(row.activationBytes),
    fieldOf(row),
  ]);
  return [
    `${model}, input ${inputShape.join("×")}\n\n`,
    formatTable(columns, cells),
    `\n${formatCount(totals.parameters)} parameters, ${formatCount(totals.macs)} multiply-adds for one image\n`,
    `${formatBytes(totals.forwardBytes)} for one image forward, ${formatBytes(totals.trainingBytes)} to train with it\n`,
  ].join("");
}

/** The part of the input that one output depends on: "5×5", or "all". */
function fieldOf({ receptiveField }: SummaryRow): string {
  return receptiveField ? `${receptiveField[0].size}×${receptiveField[1].size}` : "–";
}
