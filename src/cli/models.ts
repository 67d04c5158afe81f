/** `striate models`: what can be trained and summarised by name. */

import type { Command } from "commander";
import { models } from "../models/registry.ts";
import type { Host } from "./host.ts";
import { formatTable } from "./table.ts";

export function addModels(program: Command, host: Host): void {
  program
    .command("models")
    .description("List the models that can be named, with their papers.")
    .option("--json", "write one JSON object")
    .action(({ json = false }: { json?: boolean }) => {
      const list = models.map(({ name, year, paper, input, classes }) => ({
        name,
        year,
        paper,
        input,
        classes,
      }));
      if (json) {
        host.out(`${JSON.stringify({ models: list })}\n`);
        return;
      }
      const columns = [
        { title: "model" },
        { title: "year", align: "right" as const },
        { title: "input" },
        { title: "classes", align: "right" as const },
        { title: "paper" },
      ];
      const rows = list.map(({ name, year, paper, input, classes }) => [
        name,
        `${year}`,
        input.join("×"),
        `${classes}`,
        paper,
      ]);
      host.out(formatTable(columns, rows));
    });
}
