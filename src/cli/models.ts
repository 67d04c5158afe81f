/** `striate models`: what can be trained and summarised by name. */

import type { Command } from "commander";
import { models, type RegisteredModel } from "../models/registry.ts";
import { OptionError } from "../tensor/index.ts";
import type { Host } from "./host.ts";
import { formatTable } from "./table.ts";

export function addModels(program: Command, host: Host): void {
  program
    .command("models")
    .description("List the models that can be named, with their papers and what published weights reach.")
    .argument("[text]", "only models with this in their name, paper or year")
    .option("--json", "write one JSON object, with the preprocessing of published weights too")
    .action((text: string | undefined, { json = false }: { json?: boolean }) => {
      const list = models
        .filter((model) => text === undefined || holds(model, text))
        .map(({ build: _, training, ...model }) => ({ ...model, auxiliary: training !== undefined }));
      if (list.length === 0)
        throw new OptionError(`there is no model with "${text}". \`striate models\` lists all.`, { text });
      host.out(json ? `${JSON.stringify({ models: list })}\n` : tableOf(list));
    });
}

/** `auxiliary`: whether it has heads that are there for training alone. */
type Listed = Omit<RegisteredModel, "build" | "training"> & { readonly auxiliary: boolean };

function holds({ name, paper, year }: RegisteredModel, text: string): boolean {
  return `${name} ${paper} ${year}`.toLowerCase().includes(text.toLowerCase());
}

function tableOf(list: readonly Listed[]): string {
  const right = "right" as const;
  const columns = [
    { title: "model" },
    { title: "paper" },
    { title: "input", align: right },
    { title: "classes", align: right },
    { title: "top-1", align: right },
    { title: "top-5", align: right },
    { title: "what it is" },
  ];
  const rows = list.map(({ name, paper, year, input, classes, published, note = "" }) => {
    const [best] = published;
    return [
      name,
      `${firstAuthor(paper)} ${year}`,
      input.join("×"),
      `${classes}`,
      best?.top1.toFixed(2) ?? "",
      best?.top5?.toFixed(2) ?? "",
      note,
    ];
  });
  const legend =
    "\ntop-1 and top-5: percent that published weights reach on ImageNet's validation pictures, or CIFAR-10's for models of\n" +
    "10 classes; --json has sources, papers and preprocessing, `striate summary <model>` layers and counts.\n";
  return formatTable(columns, rows) + legend;
}

/** "He" of "He, Zhang, Ren and Sun, Deep residual learning…". */
function firstAuthor(paper: string): string {
  return paper.split(/,| and /)[0];
}
