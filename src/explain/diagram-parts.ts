/**
 * The parts of a diagram: each knows how much room it takes, and draws itself where it is put.
 *
 * A block is as high as the square root of its map's edge and as wide as that of its channels, so that 224×224×3 and 7×7×2048
 * both can be seen; a vector is as high as the square root of its length.
 */

import type { Shape } from "../tensor/shape.ts";
import type { Item } from "./diagram-layout.ts";
import type { DiagramNode, Look } from "./diagram-nodes.ts";
import { fixed, line, text, textWidth, xml } from "./svg.ts";

export const colours: Readonly<Record<Look, string>> = {
  convolution: "#4a90d9",
  depthwise: "#3aa7a3",
  pooling: "#e8973a",
  linear: "#6aa84f",
  norm: "#9b9b9b",
  resize: "#b58863",
  meeting: "#8e6bbf",
};

/** A laid-out item: how far it goes above and below the line that runs through it, and what draws it there. */
export interface Laid {
  readonly width: number;
  readonly above: number;
  readonly below: number;
  draw(x: number, y: number): string;
}

/** Pixels of most texts. */
const small = 10;
/** Pixels between parts. */
export const gap = 9;

/** The map size that was written last: it is written where it changes. */
export interface Sizes {
  last: string;
}

export function laid(item: Item, sizes: Sizes): Laid {
  switch (item.kind) {
    case "node":
      return laidNode(item.node, sizes);
    case "series":
      return laidSeries(item.items.map((each) => laid(each, sizes)));
    case "parallel":
      return laidParallel(sideBySide(item.lanes, sizes));
    case "columns":
      return laidColumns(item, sizes);
    case "block":
      return laidBlock(item, laid(item.item, sizes));
  }
}

/** Items that all come after the same map. */
function sideBySide(items: readonly Item[], sizes: Sizes): Laid[] {
  const before = sizes.last;
  return items.map((item) => {
    sizes.last = before;
    return laid(item, sizes);
  });
}

const edgeScale = 6.5;
const channelScale = 0.95;
const vectorScale = 1.5;

/** Height and width of a map or a vector. */
function extentOf(shape: Shape): readonly [height: number, width: number] {
  if (isVector(shape)) return [Math.max(4, vectorScale * Math.sqrt(shape[shape.length - 1])), 7];
  const [h, w, c] = shape;
  return [Math.max(5, edgeScale * Math.sqrt(Math.max(h, w))), Math.max(4, channelScale * Math.sqrt(c))];
}

function laidNode({ look, shape, stride, text: what, title }: DiagramNode, sizes: Sizes): Laid {
  const size = sizeOf(shape);
  const isNew = size !== sizes.last && size !== "";
  sizes.last = size;
  const channels = shape[shape.length - 1];
  const tip = `${title} → ${shape.join("×")}`;
  if (look === "meeting" && what !== "concat") {
    const radius = 6;
    return {
      width: 2 * radius,
      above: radius,
      below: radius,
      draw: (x, y) =>
        `<g><title>${xml(tip)}</title><circle cx="${fixed(x + radius)}" cy="${fixed(y)}" r="${radius}" fill="#fff" stroke="${colours.meeting}"/>${text(x + radius, y + 3.5, what, { size: 11, anchor: "middle", colour: colours.meeting })}</g>`,
    };
  }
  const [height, fullWidth] = extentOf(shape);
  const boxWidth = look === "meeting" ? 4 : fullWidth;
  const lines =
    look === "meeting" ? [`${channels}`] : [`${what}${stride > 1 ? ` /${stride}` : ""}`, `${channels}`];
  const width = Math.max(
    boxWidth,
    ...lines.map((each) => textWidth(each, small)),
    isNew ? textWidth(size, small) : 0,
  );
  return {
    width,
    above: height / 2 + (isNew ? 12 : 1),
    below: height / 2 + 11 * lines.length + 3,
    draw: (x, y) => {
      const left = x + (width - boxWidth) / 2;
      const middle = x + width / 2;
      return [
        `<g><title>${xml(tip)}</title>`,
        line([x, y], [left, y]),
        line([left + boxWidth, y], [x + width, y]),
        `<rect x="${fixed(left)}" y="${fixed(y - height / 2)}" width="${fixed(boxWidth)}" height="${fixed(height)}" rx="1" fill="${colours[look]}" stroke="#0004"/>`,
        ...(isNew
          ? [text(middle, y - height / 2 - 3, size, { size: small, anchor: "middle", colour: "#777" })]
          : []),
        ...lines.map((each, i) =>
          text(middle, y + height / 2 + 11 + 11 * i, each, { size: small, anchor: "middle" }),
        ),
        "</g>",
      ].join("");
    },
  };
}

/** "56×56", or nothing for a vector. */
export function sizeOf(shape: Shape): string {
  return isVector(shape) ? "" : `${shape[0]}×${shape[1]}`;
}

/** [c], or a map of one place. */
function isVector(shape: Shape): boolean {
  return shape.length === 1 || (shape[0] === 1 && shape[1] === 1);
}

/** The image that comes in. */
export function picture(shape: Shape): Laid {
  const [height] = extentOf(shape);
  const size = sizeOf(shape);
  const width = Math.max(textWidth(size, small), 8);
  return {
    width,
    above: height / 2 + 12,
    below: height / 2 + 12,
    draw: (x, y) =>
      `<rect x="${fixed(x + width / 2 - 2)}" y="${fixed(y - height / 2)}" width="4" height="${fixed(height)}" fill="#333"/>${line([x + width / 2 + 2, y], [x + width, y])}${text(x + width / 2, y - height / 2 - 3, size, { size: small, anchor: "middle", colour: "#777" })}${text(x + width / 2, y + height / 2 + 11, `${shape[2]}`, { size: small, anchor: "middle" })}`,
  };
}

function laidSeries(items: readonly Laid[]): Laid {
  if (items.length === 0) return { width: 12, above: 4, below: 4, draw: (x, y) => line([x, y], [x + 12, y]) };
  return {
    width: items.reduce((sum, { width }) => sum + width, gap * (items.length - 1)),
    above: Math.max(...items.map(({ above }) => above)),
    below: Math.max(...items.map(({ below }) => below)),
    draw(x, y) {
      let at = x;
      return items
        .map((item, i) => {
          const here = at;
          at += item.width + gap;
          const link = i < items.length - 1 ? line([here + item.width, y], [at, y]) : "";
          return item.draw(here, y) + link;
        })
        .join("");
    },
  };
}

const fork = 11;
const laneGap = 5;

function laidParallel(lanes: readonly Laid[]): Laid {
  const inner = Math.max(...lanes.map(({ width }) => width));
  const heights = lanes.map(({ above, below }) => above + below);
  const total = heights.reduce((a, b) => a + b, laneGap * (lanes.length - 1));
  /** The line of each lane, from the top. */
  const lines = lanes.map((lane, i) => heights.slice(0, i).reduce((a, b) => a + b, laneGap * i) + lane.above);
  // A shortcut bends around the lane that does the work; several lanes share the middle.
  const main = heights.indexOf(Math.max(...heights));
  const through = lanes.length <= 2 ? lines[main] : total / 2;
  return {
    width: inner + 2 * fork,
    above: through,
    below: total - through,
    draw: (x, y) =>
      lanes
        .map((lane, i) => {
          const at = y - through + lines[i];
          const [left, right] = [x + fork, x + fork + inner];
          const end = left + lane.width;
          return [
            bend([x, y], [left, at]),
            lane.draw(left, at),
            ...(end < right ? [line([end, at], [right, at])] : []),
            bend([right + fork, y], [right, at]),
          ].join("");
        })
        .join(""),
  };
}

function laidColumns({ columns, links }: Item & { readonly kind: "columns" }, sizes: Sizes): Laid {
  const cells = columns.map((rows) => sideBySide(rows, sizes));
  const widths = cells.map((rows) => Math.max(...rows.map(({ width }) => width)));
  const heights = cells.map((rows) =>
    rows.reduce((sum, { above, below }) => sum + above + below, laneGap * (rows.length - 1)),
  );
  // A row of single items stands on one line; columns of several are centred.
  const isRow = columns.every((rows) => rows.length === 1);
  const all = cells.flat();
  const tallest = Math.max(...all.map(({ above }) => above));
  const total = isRow ? tallest + Math.max(...all.map(({ below }) => below)) : Math.max(...heights);
  const through = isRow ? tallest : total / 2;
  const between = isRow ? 12 : 26;
  const lefts = widths.map((_, c) => 20 + widths.slice(0, c).reduce((a, b) => a + b, between * c));
  /** Where an item's line begins and ends, from the left and from the top. */
  const ports = cells.map((rows, c) => {
    let at = (total - heights[c]) / 2;
    return rows.map((cell) => {
      const y = isRow ? through : at + cell.above;
      at += cell.above + cell.below + laneGap;
      return { y, left: lefts[c], right: lefts[c] + cell.width };
    });
  });
  const width = lefts[lefts.length - 1] + widths[widths.length - 1] + 20;
  return {
    width,
    above: through + (isRow ? arch : 0),
    below: total - through,
    draw(x, y) {
      const top = y - through;
      const read = new Set(links.map(({ from }) => from.join()));
      const open = ports.flatMap((rows, c) => rows.filter((_, r) => !read.has(`${c},${r}`)));
      const portOf = ([c, r]: readonly [number, number]) =>
        c < 0 ? ([x, y] as const) : ([x + ports[c][r].right, top + ports[c][r].y] as const);
      return [
        ...links.map(({ from, to: [c, r] }) => {
          const end: Point = [x + ports[c][r].left, top + ports[c][r].y];
          // In a row of single items what passes the next goes over it.
          return isRow && c - from[0] > 1
            ? over(portOf(from), end, top - arch / 2)
            : curve(portOf(from), end);
        }),
        ...open.map((port) => curve([x + port.right, top + port.y], [x + width, y])),
        ...cells.map((rows, c) =>
          rows.map((cell, r) => cell.draw(x + ports[c][r].left, top + ports[c][r].y)).join(""),
        ),
      ].join("");
    },
  };
}

/** Room above a row for links over it. */
const arch = 16;
const padding = 6;
const titleHeight = 13;

function laidBlock({ name, count }: Item & { readonly kind: "block" }, inner: Laid): Laid {
  const times = count > 1 ? `× ${count}` : "";
  const label = textWidth(name, small) + textWidth(times, 11) + (times && name ? 8 : 0);
  const width = Math.max(inner.width, label) + 2 * padding;
  const above = inner.above + titleHeight + padding / 2;
  const below = inner.below + padding;
  return {
    width,
    above,
    below,
    draw(x, y) {
      const top = y - above;
      const shift = (width - inner.width) / 2;
      return [
        `<rect x="${fixed(x)}" y="${fixed(top)}" width="${fixed(width)}" height="${fixed(above + below)}" rx="4" fill="${count > 1 ? "#eef3fa" : "#f6f6f6"}" stroke="${count > 1 ? "#7f9cc0" : "#ccc"}"/>`,
        text(x + padding, top + 10.5, name, { size: small, colour: "#555" }),
        ...(times
          ? [text(x + width - padding, top + 11.5, times, { size: 11, bold: true, anchor: "end" })]
          : []),
        line([x, y], [x + shift, y]),
        line([x + width - shift, y], [x + width, y]),
        inner.draw(x + shift, y),
      ].join("");
    },
  };
}

type Point = readonly [x: number, y: number];

/** From a meeting point to a lane, or the other way: along, up or down, along. */
function bend([x, y]: Point, [laneX, laneY]: Point): string {
  const middle = (x + laneX) / 2;
  return `<path d="M${fixed(x)} ${fixed(y)}H${fixed(middle)}V${fixed(laneY)}H${fixed(laneX)}" fill="none" stroke="#888"/>`;
}

function curve([x, y]: Point, [toX, toY]: Point): string {
  const middle = (x + toX) / 2;
  return `<path d="M${fixed(x)} ${fixed(y)}C${fixed(middle)} ${fixed(y)} ${fixed(middle)} ${fixed(toY)} ${fixed(toX)} ${fixed(toY)}" fill="none" stroke="#888" stroke-opacity=".7"/>`;
}

/** Up, along and down again. */
function over([x, y]: Point, [toX, toY]: Point, top: number): string {
  return `<path d="M${fixed(x)} ${fixed(y)}h6V${fixed(top)}H${fixed(toX - 6)}V${fixed(toY)}h6" fill="none" stroke="#888"/>`;
}
