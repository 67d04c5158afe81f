/** The tables of docs/models.md, made of the registry: one for each paper, with counts and what published weights reach. */

import { models, type RegisteredModel } from "../src/models/registry.ts";
import { summarize } from "../src/models/summary.ts";
import { build } from "../src/nn/index.ts";

const begin =
  "<!-- Made of src/models/registry.ts by `npm run docs`; what is changed by hand here is lost. -->\n";
const marks = "¹²³⁴⁵⁶⁷⁸⁹";
const end = "<!-- End of what is made of the registry. -->\n";

/** The page with its tables made anew; what stands before and behind them stays. */
export function modelsPage(page: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/models.md has lost its marks ${begin}and ${end}`);
  return `${page.slice(0, from)}${begin}\n${sections()}${page.slice(to)}`;
}

function sections(): string {
  const papers = new Map<string, RegisteredModel[]>();
  for (const model of models) {
    const paper = `${model.paper}, ${model.year}`;
    papers.set(paper, [...(papers.get(paper) ?? []), model]);
  }
  return [...papers].map(([paper, found]) => section(paper, found)).join("");
}

function section(paper: string, found: readonly RegisteredModel[]): string {
  const counted = found.map((model) => {
    const network = build(model.build(), { input: [1, ...model.input] });
    const names = network.parameters.map(({ name }) => name);
    return { model, totals: summarize(network).totals, names: [names[0], names[names.length - 1]] as const };
  });
  const sources = [...new Set(found.flatMap((model) => model.published.map(sourceOf)))];
  const rows = counted.map(({ model, totals }) => [
    `\`${model.name}\``,
    model.note ?? "",
    model.input.join("×"),
    totals.parameters.toLocaleString("en-US"),
    totals.macs.toLocaleString("en-US"),
    published(model),
  ]);
  const lines = [
    `### ${paper}\n`,
    markdownTable(["model", "", "input", "parameters", "multiply-adds", "top-1 / top-5"], "ll>>>>", rows),
    ...namesOf(counted),
    ...sources.map((source, i) => `- ${marks[i]} ${source}`),
  ];
  return `${lines.join("\n")}\n\n`;

  function published(model: RegisteredModel): string {
    const cells = model.published.map((each) => {
      const mark = marks[sources.indexOf(sourceOf(each))];
      return `${each.top1}${each.top5 === undefined ? "" : ` / ${each.top5}`}${mark}`;
    });
    return cells.join(", ");
  }
}

function sourceOf({ data, source }: RegisteredModel["published"][number]): string {
  return `${data}: ${source}.`;
}

/** "Named as in torchvision: `conv1.weight` … `fc.bias`", one line for each way of naming. */
function namesOf(
  counted: readonly { readonly model: RegisteredModel; readonly names: readonly [string, string] }[],
): string[] {
  const ways = new Map<string, string[]>();
  for (const { model, names } of counted) {
    const where = model.names === undefined ? "Parameters" : `Named as in ${model.names}`;
    const way = `${where}: \`${names[0]}\` … \`${names[1]}\``;
    ways.set(way, [...(ways.get(way) ?? []), `\`${model.name}\``]);
  }
  return [...ways].map(([way, of]) => `- ${way}${ways.size > 1 ? ` (${few(of)})` : ""}.`);
}

/** "`a`, `b`", or "`a` and 12 others" of many. */
function few(names: readonly string[]): string {
  return names.length > 4 ? `${names[0]} and ${names.length - 1} others` : names.join(", ");
}

/** Cells padded to columns, as Biome leaves Markdown and people read it; "l" is to the left, ">" to the right. */
function markdownTable(
  titles: readonly string[],
  aligned: string,
  rows: readonly (readonly string[])[],
): string {
  const used = titles.map((_, i) => i).filter((i) => i === 0 || rows.some((row) => row[i] !== ""));
  const width = (i: number) => Math.max(3, titles[i].length, ...rows.map((row) => row[i].length));
  const line = (cells: readonly string[]) =>
    `| ${used.map((i) => (aligned[i] === ">" ? cells[i].padStart(width(i)) : cells[i].padEnd(width(i)))).join(" | ")} |`;
  const rule = used.map((i) => (aligned[i] === ">" ? `${"-".repeat(width(i) - 1)}:` : "-".repeat(width(i))));
  return `${[line(titles), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n")}\n`;
}
