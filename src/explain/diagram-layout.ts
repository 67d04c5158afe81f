/**
 * Puts the nodes of a network in order for a diagram: what follows on one another in series, what runs side by side in parallel,
 * and what repeats once with its count.
 *
 * Blocks are those of the names ("layer1.0"). Within a block its parts are a graph from the block's input to its output; a part
 * through which every path leads cuts it, and what lies between two cuts are lanes beside each other. Where lanes are crossed by
 * others (cells of NASNet), their parts stand in columns by how far they are from the block's input.
 */

import { type DiagramNode, imageId } from "./diagram-nodes.ts";

export type Item =
  | { readonly kind: "node"; readonly node: DiagramNode }
  | { readonly kind: "series"; readonly items: readonly Item[] }
  /** Lanes beside each other; an empty series is a shortcut. */
  | { readonly kind: "parallel"; readonly lanes: readonly Item[] }
  /** Columns of items with arrows between them, [from column, from row, to column, to row]; −1 is the block's input. */
  | {
      readonly kind: "columns";
      readonly columns: readonly (readonly Item[])[];
      readonly links: readonly Link[];
    }
  /** A block, and how often it is there in turn. */
  | { readonly kind: "block"; readonly name: string; readonly count: number; readonly item: Item };

export interface Link {
  readonly from: readonly [column: number, row: number];
  readonly to: readonly [column: number, row: number];
}

/** The diagram of all nodes. */
export function arrange(nodes: readonly DiagramNode[]): Item {
  return itemOf(nodes, 0);
}

/** A part of a block: nodes that share a name, or one node. */
interface Part {
  readonly name: string;
  readonly nodes: readonly DiagramNode[];
  /** How much of their paths the nodes share. */
  readonly depth: number;
}

function itemOf(nodes: readonly DiagramNode[], depth: number): Item {
  if (nodes.length === 1) return { kind: "node", node: nodes[0] };
  const parts = partsOf(nodes, depth);
  if (parts.length === 1) return itemOf(nodes, depth + 1);
  const item = series(arrangeParts(parts));
  // Names of blocks stand where there is something to tell apart: side by side, or in columns.
  const wide = (each: Item) => each.kind === "parallel" || each.kind === "columns";
  const isPlain = !wide(item) && !(item.kind === "series" && item.items.some(wide));
  const name = nodes[0].path.slice(0, depth).join(".");
  if (item.kind === "block" && item.name === "") return { ...item, name };
  return isPlain || depth === 0 ? item : { kind: "block", name, count: 1, item };
}

/** Parts by the next name of their paths, in an order in which each comes after what it reads. */
function partsOf(nodes: readonly DiagramNode[], depth: number): Part[] {
  const byName = new Map<string, DiagramNode[]>();
  for (const node of nodes) {
    const name = node.path[Math.min(depth, node.path.length - 1)];
    byName.set(name, [...(byName.get(name) ?? []), node]);
  }
  let parts = [...byName].map(([name, found]): Part => ({ name, nodes: found, depth: depth + 1 }));
  // A name can stand for parts before and after another: such are taken apart until an order is found.
  for (;;) {
    const { order, rest } = sorted(parts);
    if (rest.length === 0) return order;
    const open = rest.filter((part) => part.nodes.length > 1);
    if (open.length === 0) throw new Error("a network reads its own output");
    parts = parts.flatMap((part) => (open.includes(part) ? split(part) : [part]));
  }
}

function split({ nodes, depth }: Part): Part[] {
  const byName = new Map<string, DiagramNode[]>();
  for (const node of nodes) {
    const name = node.path[Math.min(depth, node.path.length - 1)];
    byName.set(name, [...(byName.get(name) ?? []), node]);
  }
  return [...byName].map(([name, found]) => ({ name, nodes: found, depth: depth + 1 }));
}

/** Kahn's order, earliest nodes first; what is in a circle, or behind one, is left over. */
function sorted(parts: readonly Part[]): { readonly order: Part[]; readonly rest: Part[] } {
  const reads = readsOf(parts);
  const order: Part[] = [];
  const rest = [...parts].sort((a, b) => a.nodes[0].id - b.nodes[0].id);
  for (;;) {
    const next = rest.findIndex((part) => [...(reads.get(part) ?? [])].every((each) => order.includes(each)));
    if (next < 0) return { order, rest };
    order.push(...rest.splice(next, 1));
  }
}

/** The other parts that each part reads. */
function readsOf(parts: readonly Part[]): Map<Part, Set<Part>> {
  const partOf = new Map(parts.flatMap((part) => part.nodes.map(({ id }) => [id, part] as const)));
  return new Map(
    parts.map((part) => {
      const read = part.nodes.flatMap((node) => node.reads.map((id) => partOf.get(id)));
      return [part, new Set(read.filter((each) => each !== undefined && each !== part) as Part[])];
    }),
  );
}

/** A graph of parts between an input and an output, by places: part i reads `reads[i]`, −1 being the input. */
interface Region {
  readonly parts: readonly Part[];
  readonly reads: readonly ReadonlySet<number>[];
  /** Parts that the output reads; −1 where a path has no part at all. */
  readonly ends: ReadonlySet<number>;
}

function arrangeParts(parts: readonly Part[]): Item[] {
  const within = readsOf(parts);
  const own = new Set(parts.flatMap(({ nodes }) => nodes.map(({ id }) => id)));
  const place = new Map(parts.map((part, i) => [part, i]));
  const read = new Set<Part>();
  const reads = parts.map((part) => {
    const found = new Set([...(within.get(part) ?? [])].map((each) => place.get(each) as number));
    for (const each of within.get(part) ?? []) read.add(each);
    const isOpen = part.nodes.some((node) => node.reads.some((id) => id === imageId || !own.has(id)));
    if (isOpen || found.size === 0) found.add(-1);
    return found;
  });
  // What nothing within reads is what the block gives; a block may give inner parts too, which its last parts stand for.
  const ends = new Set(parts.map((_, i) => i).filter((i) => !read.has(parts[i])));
  return repeated(regionItems({ parts, reads, ends }));
}

/** Series of what lies between cuts: parts through which every path leads. */
function regionItems(region: Region): Item[] {
  const { parts, reads, ends } = region;
  const count = parts.length;
  if (count === 0) return [];
  /** The furthest place that reads each place, or the output. */
  const furthest = new Map<number, number>();
  for (const [i, read] of reads.entries())
    for (const from of read) furthest.set(from, Math.max(furthest.get(from) ?? -1, i));
  for (const from of ends) furthest.set(from, count);
  const cuts: number[] = [];
  let reach = furthest.get(-1) ?? 0;
  for (let i = 0; i < count; i++) {
    // Nothing before i is read behind i.
    if (reach <= i) cuts.push(i);
    reach = Math.max(reach, furthest.get(i) ?? 0);
  }
  const items: Item[] = [];
  let before = -1;
  for (const cut of [...cuts, count]) {
    const inner = Array.from({ length: cut - before - 1 }, (_, i) => before + 1 + i);
    const last = cut === count ? ends : reads[cut];
    if (inner.length > 0) items.push(between(region, before, inner, last));
    if (cut < count) items.push(itemOf(parts[cut].nodes, parts[cut].depth));
    before = cut;
  }
  return items;
}

/** What lies between two cuts: lanes that do not touch each other, a shortcut where the second reads the first itself. */
function between(region: Region, before: number, inner: readonly number[], last: ReadonlySet<number>): Item {
  const lanes = lanesOf(region, inner);
  const hasShortcut = last.has(before);
  if (lanes.length === 1 && !hasShortcut) {
    const sub = subregion(region, lanes[0], before, last);
    return columns(sub);
  }
  const items = lanes.map((lane) => series(repeated(regionItems(subregion(region, lane, before, last)))));
  const shortcut: Item[] = hasShortcut ? [{ kind: "series", items: [] }] : [];
  return { kind: "parallel", lanes: [...shortcut, ...items] };
}

/** The inner places, joined where one reads another. */
function lanesOf({ reads }: Region, inner: readonly number[]): number[][] {
  const lanes: number[][] = [];
  for (const place of inner) {
    const joined = lanes.filter((lane) => lane.some((each) => reads[place].has(each)));
    const lane = [...joined.flat(), place].sort((a, b) => a - b);
    for (const each of joined) lanes.splice(lanes.indexOf(each), 1);
    lanes.push(lane);
  }
  return lanes.sort((a, b) => a[0] - b[0]);
}

function subregion(
  { parts, reads }: Region,
  lane: readonly number[],
  before: number,
  last: ReadonlySet<number>,
): Region {
  const place = new Map(lane.map((each, i) => [each, i]));
  place.set(before, -1);
  const kept = (from: ReadonlySet<number>) =>
    new Set([...from].map((each) => place.get(each)).filter((each) => each !== undefined));
  const ends = kept(last);
  ends.delete(-1);
  return { parts: lane.map((each) => parts[each]), reads: lane.map((each) => kept(reads[each])), ends };
}

/** Most parts in a row whose links past the next are drawn; longer rows, as of NASNet's cells, would be lost under them. */
const mostArched = 6;

/** Parts in columns by the longest way from the input. */
function columns({ parts, reads }: Region): Item {
  const column: number[] = [];
  for (const read of reads)
    column.push(1 + Math.max(-1, ...[...read].map((from) => (from < 0 ? -1 : column[from]))));
  const width = Math.max(...column) + 1;
  const items = parts.map((part) => itemOf(part.nodes, part.depth));
  if (width === parts.length && width > mostArched) return series(repeated(items));
  const placed = Array.from({ length: width }, (_, c) =>
    parts.map((_, i) => i).filter((i) => column[i] === c),
  );
  const at = (i: number): readonly [number, number] =>
    i < 0 ? [-1, 0] : [column[i], placed[column[i]].indexOf(i)];
  const links = reads.flatMap((read, i) => [...read].map((from): Link => ({ from: at(from), to: at(i) })));
  return { kind: "columns", columns: placed.map((rows) => rows.map((i) => separable(items[i]))), links };
}

/**
 * A depthwise convolution and the 1×1 behind it as one node, once or several times: lanes of searched cells are made of such pairs,
 * and are many.
 */
function separable(item: Item): Item {
  const { once, count } = pairs(item);
  if (once === undefined) return item;
  const [depthwise, pointwise] = once;
  const text = `${count > 1 ? `${count}· ` : ""}${depthwise.text.replace("dw", "sep")}`;
  return { kind: "node", node: { ...pointwise, look: "depthwise", text, stride: depthwise.stride } };
}

/** The first depthwise convolution and the last 1×1 of a lane that is pairs of them and nothing else, and how many pairs. */
function pairs(item: Item): { readonly once?: readonly [DiagramNode, DiagramNode]; readonly count: number } {
  if (item.kind === "block") {
    const { once, count } = pairs(item.item);
    return { ...(once === undefined ? {} : { once }), count: count * item.count };
  }
  const nodes =
    item.kind === "series" ? item.items.flatMap((each) => (each.kind === "node" ? [each.node] : [])) : [];
  const isPairs =
    item.kind === "series" &&
    nodes.length === item.items.length &&
    nodes.length % 2 === 0 &&
    nodes.every(({ look, text }, i) =>
      i % 2 === 0 ? look === "depthwise" && text === nodes[0].text : look === "convolution" && text === "1×1",
    );
  if (!isPairs || nodes.length === 0) return { count: 0 };
  return { once: [nodes[0], nodes[nodes.length - 1]], count: nodes.length / 2 };
}

/** One item of several in turn; series within series are one. */
function series(items: readonly Item[]): Item {
  const flat = items.flatMap((item) => (item.kind === "series" ? item.items : [item]));
  return flat.length === 1 ? flat[0] : { kind: "series", items: flat };
}

/** Most items that are taken for one repetition. */
const longestPeriod = 6;

/** Items in turn, with what repeats drawn once. */
function repeated(given: readonly Item[]): Item[] {
  const items = given.flatMap((item) => (item.kind === "series" ? item.items : [item]));
  const signs = items.map(signature);
  const result: Item[] = [];
  for (let at = 0; at < items.length; ) {
    let [best, times] = [0, 1];
    for (let period = 1; period <= longestPeriod && at + 2 * period <= items.length; period++) {
      let count = 1;
      const same = (i: number) => signs[at + i] === signs[at + count * period + i];
      while (
        at + (count + 1) * period <= items.length &&
        Array.from({ length: period }, (_, i) => i).every(same)
      )
        count++;
      const isWorth = count > 1 && (period > 1 || items[at].kind !== "node" || count > 4);
      if (isWorth && count * period > best * times) [best, times] = [period, count];
    }
    if (best === 0) {
      result.push(items[at++]);
      continue;
    }
    const once = items.slice(at, at + best);
    const [only] = once;
    const item = best === 1 && only.kind === "block" && only.count === 1 ? only.item : series(once);
    const name = only.kind === "block" ? nameOf(only.name, items[at + best * (times - 1)]) : "";
    result.push({ kind: "block", name, count: times, item });
    at += best * times;
  }
  return result;
}

/** "layer1.1 to 3": the first block's name up to where the last one's is another. */
function nameOf(first: string, last: Item): string {
  if (last.kind !== "block") return first;
  const [a, b] = [first.split("."), last.name.split(".")];
  const other = a.findIndex((part, i) => part !== b[i]);
  return other < 0 ? first : `${a.slice(0, other + 1).join(".")} to ${b[other] ?? ""}`;
}

/** Equal for items that do the same on maps of the same size; what concatenation and addition pass on may differ. */
function signature(item: Item): string {
  switch (item.kind) {
    case "node": {
      const { look, shape, stride, text } = item.node;
      return look === "meeting" ? text : `${text}/${stride}:${shape}`;
    }
    case "series":
      return `(${item.items.map(signature).join(" ")})`;
    case "parallel":
      return `[${item.lanes.map(signature).join("|")}]`;
    case "columns":
      return `{${item.columns.map((rows) => rows.map(signature).join("|")).join(" ")}${JSON.stringify(item.links)}}`;
    case "block":
      return `${item.count}${signature(item.item)}`;
  }
}
