/**
 * Draws a network as an SVG: maps as blocks to scale, from left to right, lanes where paths part, and repeated blocks once. Here is the page:
 * rows of what `diagram-parts.ts` draws, and the legend.
 */

import { summarize } from "../models/summary.ts";
import type { Network } from "../nn/network.ts";
import { arrange } from "./diagram-layout.ts";
import { diagramNodes, type Look } from "./diagram-nodes.ts";
import { colours, gap, type Laid, laid, picture, type Sizes, sizeOf } from "./diagram-parts.ts";
import { fixed, line, text, textWidth, xml } from "./svg.ts";

export interface DiagramOptions {
  /** What the picture is called. Default "network". */
  readonly title?: string;
  /** Where a row of blocks is broken, in pixels. Default 1360. */
  readonly width?: number;
}

const margin = 16;

/** The SVG of a network in inference form. */
export function diagram(network: Network, { title = "network", width = 1360 }: DiagramOptions = {}): string {
  const nodes = diagramNodes(network);
  const item = arrange(nodes);
  const image = Object.values(network.inputs)[0].shape.slice(1);
  const sizes: Sizes = { last: sizeOf(image) };
  const parts = (item.kind === "series" ? item.items : [item]).map((each) => laid(each, sizes));
  const rows = broken([picture(image), ...parts], width - 2 * margin);
  const { parameters, macs } = summarize(network).totals;
  const facts = `input ${image.join("×")}, ${parameters.toLocaleString("en-US")} parameters, ${macs.toLocaleString("en-US")} multiply-adds for one image`;
  const looks = [...new Set(nodes.map(({ look }) => look))];
  const drawn: string[] = [
    text(margin, 26, title, { size: 18, bold: true }),
    text(margin, 44, facts, { size: 12, colour: "#555" }),
    legend(looks, margin, 62),
  ];
  let y = 78;
  let widest = margin + legendWidth(looks);
  for (const [i, row] of rows.entries()) {
    const above = Math.max(...row.map((each) => each.above));
    const below = Math.max(...row.map((each) => each.below));
    const mid = y + above;
    let x = margin;
    if (i > 0) drawn.push(line([x - 8, mid], [x, mid]));
    for (const [j, part] of row.entries()) {
      drawn.push(part.draw(x, mid));
      x += part.width;
      const isLast = i === rows.length - 1 && j === row.length - 1;
      if (!isLast) drawn.push(line([x, mid], [x + gap, mid]));
      x += gap;
    }
    widest = Math.max(widest, x);
    y = mid + below + 22;
  }
  const [w, h] = [Math.ceil(widest + margin), Math.ceil(y)];
  // Small networks are drawn larger.
  const enlarged = Math.min(1.8, Math.max(1, width / w));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.round(enlarged * w)}" height="${Math.round(enlarged * h)}" viewBox="0 0 ${w} ${h}" font-family="Helvetica, Arial, sans-serif">`,
    `<title>${xml(title)}</title>`,
    `<rect width="${w}" height="${h}" fill="#fff"/>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

/** As few rows as the width allows, about equally long. */
function broken(parts: readonly Laid[], width: number): Laid[][] {
  const filled = (limit: number) => {
    const rows: Laid[][] = [];
    let at = Number.POSITIVE_INFINITY;
    for (const part of parts) {
      if (at + part.width > limit) {
        rows.push([]);
        at = 0;
      }
      rows[rows.length - 1].push(part);
      at += part.width + gap;
    }
    return rows;
  };
  const fewest = filled(width).length;
  let limit = parts.reduce((sum, part) => sum + part.width + gap, 0) / fewest;
  while (limit < width && filled(limit).length > fewest) limit *= 1.02;
  return filled(Math.min(limit, width));
}

const lookNames: Readonly<Record<Look, string>> = {
  convolution: "convolution",
  depthwise: "depthwise convolution",
  pooling: "pooling",
  linear: "fully connected",
  norm: "normalisation of neighbours",
  resize: "resizing",
  meeting: "concatenation, sum, product",
};

const legendGap = 30;

function legendWidth(looks: readonly Look[]): number {
  return looks.reduce((sum, look) => sum + textWidth(lookNames[look], 10) + legendGap, 0);
}

function legend(looks: readonly Look[], x: number, y: number): string {
  let at = x;
  return looks
    .map((look) => {
      const here = at;
      at += textWidth(lookNames[look], 10) + legendGap;
      return `<rect x="${fixed(here)}" y="${y - 8}" width="10" height="10" fill="${colours[look]}"/>${text(here + 14, y + 1, lookNames[look], { size: 10, colour: "#555" })}`;
    })
    .join("");
}
