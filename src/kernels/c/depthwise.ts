/**
 * Renders depthwise convolutions: a task has some rows of the result. Neighbours of a row are summed together, vector by vector of their
 * channels, so that each number of the image and of the window is loaded once for several of them, and asks for no edge where there is none.
 */

import { asDepthwise, type Depthwise } from "../depthwise.ts";
import type { Part } from "../formula.ts";
import type { Axis, Index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { readsAround } from "../schedule-contraction.ts";
import type { Access } from "../schedule-nest.ts";
import type { Value } from "../value.ts";
import type { Lanes } from "./library.ts";
import { CKernel, type CTarget, type Launch, lineNumbers } from "./target.ts";
import { Values } from "./values.ts";
import { windowLines } from "./walk.ts";

/**
 * Places of a row that are summed together, and as many where they lie next to one another in the image: with as many sums and a row of
 * the window, registers suffice up to 7 columns.
 */
const together = 2;
const togetherInRow = 4;
/** Columns of a window beyond which its row does not fit into registers. */
const mostColumns = 7;
/** Groups of columns that are written out: with windows far beyond the edges they would be many. */
const mostGroups = 8;
/** Products that a task should have at least, rows at most, and tasks that keep threads balanced. */
const taskProducts = 8192;
const mostRows = 8;
const tasksPerThread = 6;
/** What of the L1 cache rows of the window, of the next and of the result may take. */
const blockBytes = 24 * 1024;

/** The launch of a depthwise convolution; undefined where the part is none, or has fewer channels than a vector. */
export function renderDepthwise(target: CTarget, part: Part, layout: Layout): Launch[] | undefined {
  const found = asDepthwise(part, layout, (operand) => target.layoutOf(operand));
  if (found === undefined || found.s.extent > mostColumns || found.c.extent < target.machine.lanes)
    return undefined;
  const renderer = new DepthwiseRenderer(target, found, layout);
  return renderer.groups.length > mostGroups ? undefined : [renderer.render()];
}

/** Columns of a row of the result, from one to before another, so many at a time. */
interface Group {
  readonly first: number;
  readonly end: number;
  readonly count: number;
}

class DepthwiseRenderer {
  private readonly target: CTarget;
  private readonly d: Depthwise;
  private readonly layout: Layout;
  private readonly kernel: CKernel;
  /** Columns of the result that are summed together. */
  readonly groups: readonly Group[];
  /** Ends of the blocks of columns that a task goes through row by row: rows of the window stay in the L1 cache from one to the next. */
  private readonly blocks: readonly number[];

  constructor(target: CTarget, depthwise: Depthwise, layout: Layout) {
    this.target = target;
    this.d = depthwise;
    this.layout = layout;
    this.kernel = new CKernel(target);
    this.groups = this.groupsOf(depthwise.q?.extent ?? 1);
    this.blocks = this.blocksOf(depthwise.q?.extent ?? 1);
  }

  render(): Launch {
    const { p, q, c, r, s, image, a, part } = this.d;
    this.target.reads([part]);
    const [, vertical] = a.at;
    const [, height] = a.operand.shape;
    const [rows, columns] = [p?.extent ?? 1, q?.extent ?? 1];
    const allRows = rows * (image?.extent ?? 1);
    const least = Math.max(1, Math.floor(taskProducts / (columns * c.extent * r.extent * s.extent)));
    const { blocks } = this;
    const enough = tasksPerThread * this.target.machine.threads;
    const wanted = blocks.length > 1 ? Math.min(mostRows, Math.floor(allRows / enough)) : 1;
    const perTask = Math.max(least, wanted);
    const body = this.groups.flatMap(({ first, count, end }) => {
      const isLoop = end - first > count;
      const range =
        isLoop && blocks.length > 1
          ? [`qFrom > ${first} ? qFrom : ${first}`, `least(qTo, ${end})`]
          : [first, end];
      const isWithin = !isLoop && blocks.length > 1 ? [`if (${first} >= qFrom && ${first} < qTo)`] : [];
      return [
        ...isWithin,
        `for (long q = ${range[0]}; q < ${range[1]}; q += ${count}) {`,
        ...this.places(count, isLoop ? undefined : first),
        "}",
      ];
    });
    const eachBlock =
      blocks.length > 1
        ? [
            `static const short ends[] = {${blocks.join(", ")}};`,
            `for (long block = 0, qFrom = 0; block < ${blocks.length}; qFrom = ends[block++]) {`,
            "const long qTo = ends[block];",
          ]
        : ["{"];
    this.kernel.body.push(
      ...eachBlock,
      `for (long i = task * ${perTask}, end = least(i + ${perTask}, ${allRows}); i < end; i++) {`,
      `const long p = i % ${rows}, image = i / ${rows};`,
      `const long top = ${placeOf(vertical, p, "p")};`,
      "(void)image;",
      ...windowLines({ extent: r.extent, perRow: vertical.factorOf(r), height }),
      ...body,
      "}",
      "}",
    );
    return this.target.launch(this.kernel, Math.ceil(allRows / perTask));
  }

  /** Blocks of columns for the groups in a loop; one where a single group takes more than its part of the cache. */
  private blocksOf(columns: number): readonly number[] {
    const { q, c, r, a } = this.d;
    const inner = this.groups.find(({ first, end, count }) => end - first > count);
    if (q === undefined || inner === undefined) return [columns];
    const perColumn = 4 * c.extent * (a.at[2].factorOf(q) * (r.extent + 1) + 1);
    const most = Math.floor(blockBytes / perColumn / inner.count);
    if (most === 0) return [columns];
    const all = (inner.end - inner.first) / inner.count;
    const each = Math.ceil(all / Math.ceil(all / most)) * inner.count;
    const ends: number[] = [];
    for (let end = inner.first + each; end < inner.end; end += each) ends.push(end);
    return [...ends, columns];
  }

  /** Groups one by one where a window leaves the image or few are left, the others in a loop. */
  private groupsOf(columns: number): readonly Group[] {
    const { q, a } = this.d;
    const [, , horizontal] = a.at;
    const most = q !== undefined && horizontal.factorOf(q) === 1 ? togetherInRow : together;
    const [from, to] = this.columnsInside(columns);
    const groups: Group[] = [];
    for (let first = 0; first < columns; ) {
      const inside = first < from ? 0 : Math.floor((to - first) / most);
      const count = Math.min(most, columns - first);
      const end = first + (inside > 0 ? inside : 1) * count;
      groups.push({ first, count, end });
      first = end;
    }
    return groups;
  }

  /** Columns of the result, from one to before another, whose windows are inside the image. */
  private columnsInside(columns: number): [from: number, to: number] {
    const { s } = this.d;
    const isInside = (column: number) => this.isInside(column, 0) && this.isInside(column, s.extent - 1);
    const inside = Array.from({ length: columns }, (_, column) => column).filter(isInside);
    return inside.length === 0 ? [columns, columns] : [inside[0], inside[inside.length - 1] + 1];
  }

  /** Whether the window of a column of the result has its column `i` inside the image. */
  private isInside(column: number, i: number): boolean {
    const { q, s, a } = this.d;
    const [, , horizontal] = a.at;
    const [, , width] = a.operand.shape;
    const at =
      horizontal.constant +
      column * (q === undefined ? 0 : horizontal.factorOf(q)) +
      i * horizontal.factorOf(s);
    return at >= 0 && at < width;
  }

  /** So many places of the row from `q` on, which is `first`; their windows are inside the image where that is not said. */
  private places(count: number, first: number | undefined): string[] {
    const { c } = this.d;
    const lines: string[] = [];
    const { lanes } = this.target.machine;
    const vectors = this.vectorsTogether();
    const whole = Math.floor(c.extent / (vectors * lanes)) * vectors * lanes;
    if (whole > 0)
      lines.push(
        `for (long from = 0; from < ${whole}; from += ${vectors * lanes}) {`,
        ...this.vectors(count, lanes, vectors, first),
        "}",
      );
    for (let at = whole, wide = lanes; at < c.extent; at += wide) {
      while (wide > c.extent - at) wide = (wide / 2) as Lanes;
      lines.push(`{ const long from = ${at};`, ...this.vectors(count, wide, 1, first), "}");
    }
    return lines;
  }

  /**
   * Vectors that fill a line of the cache, as far as registers do: with many channels the columns and rows of a window collide in the L1
   * cache, so that a line should be used whole before the next one comes.
   */
  private vectorsTogether(): number {
    const { lanes, registers } = this.target.machine;
    let vectors = lineNumbers / lanes;
    while (vectors > 1 && vectors * togetherInRow + this.d.s.extent + 1 > registers) vectors /= 2;
    return vectors;
  }

  /** The same for so many vectors of channels. */
  private vectors(count: number, lanes: Lanes, vectors: number, first: number | undefined): string[] {
    const { q, r, s, a, b, image } = this.d;
    const { kernel, target } = this;
    const each = <T>(length: number, text: (i: number) => T) => Array.from({ length }, (_, i) => text(i));
    const [ofImages, ofRows, ofColumns] = target.layoutOf(a.operand).strides;
    const [, vertical, horizontal, channels] = a.at;
    const linearB = linearIndex(b.at, { ...target.layoutOf(b.operand), offset: 0 });
    const left = placeOf(horizontal, q, "q");
    const x = `${kernel.pointer(a.operand)} + ${channels.constant} + from${image === undefined ? "" : ` + image * ${ofImages}`}`;
    const lines = [
      `const real *const x = ${x} + (${left}) * ${ofColumns};`,
      `const real *const w = ${kernel.pointer(b.operand)} + ${linearB.constant} + from;`,
      ...each(vectors * count, (i) => `v${lanes} sum${i} = {0};`),
      ...this.ahead(count, vectors * lanes),
      "for (long r = rFrom; r < rTo; r++) {",
      `const real *const xr = x + (top + r * ${vertical.factorOf(r)}) * ${ofRows}, *const wr = w + r * ${linearB.factorOf(r)};`,
    ];
    const [step, tap] = [q === undefined ? 0 : horizontal.factorOf(q), horizontal.factorOf(s)];
    const uses = each(count, (t) => each(s.extent, (i) => ({ t, i, at: t * step + i * tap })))
      .flat()
      .filter(({ t, i }) => first === undefined || this.isInside(first + t, i));
    const taps = [...new Set(uses.map((use) => use.i))];
    const places = [...new Set(uses.map(({ at }) => at))].sort((one, other) => one - other);
    for (let j = 0; j < vectors; j++) {
      const load = (from: string, at: number) => `load_${lanes}(${from} + ${at + j * lanes})`;
      lines.push("{", ...taps.map((i) => `const v${lanes} w${i} = ${load("wr", i * linearB.factorOf(s))};`));
      for (const place of places) {
        const adds = uses
          .filter(({ at }) => at === place)
          .map(({ t, i }) => `sum${j * count + t} = fma_${lanes}(y, w${i}, sum${j * count + t});`);
        lines.push(`{ const v${lanes} y = ${load("xr", place * ofColumns)}; ${adds.join(" ")} }`);
      }
      lines.push("}");
    }
    lines.push("}");
    for (let j = 0; j < vectors; j++)
      for (let t = 0; t < count; t++)
        lines.push(...this.finish(t, `from + ${j * lanes}`, `sum${j * count + t}`, lanes));
    return lines;
  }

  /** Asks for what the next row of the result needs besides: neighbours in a row lie too far apart for the machine to see a pattern. */
  private ahead(count: number, channels: number): string[] {
    const { p, q, r, a } = this.d;
    if (p === undefined) return [];
    const [, vertical, horizontal] = a.at;
    const [, ofRows, ofColumns] = this.target.layoutOf(a.operand).strides;
    const [down, right] = [vertical.factorOf(p), q === undefined ? 1 : horizontal.factorOf(q)];
    const below = Math.max(0, vertical.factorOf(r)) * (r.extent - 1) + 1;
    const locality = this.blocks.length > 1 ? 3 : 2;
    // Once for each line of the cache.
    const lines = channels < lineNumbers ? [`if (from % ${lineNumbers} == 0) {`] : ["{"];
    for (let row = 0; row < down; row++)
      for (let column = 0; column < count * right; column++)
        lines.push(
          `__builtin_prefetch(x + (top + ${below + row}) * ${ofRows} + ${column * ofColumns}, 0, ${locality});`,
        );
    return [...lines, "}"];
  }

  /** Stores what comes of a `sum`: that of place `t` of the group, from a channel on. */
  private finish(t: number, from: string, sumName: string, lanes: Lanes): readonly string[] {
    const { part, sum, image, p, q, c } = this.d;
    const { kernel, target } = this;
    const accesses = new Map<Value, Access>();
    for (const value of readsAround(part.value, sum)) {
      const { node } = value;
      if (node.kind !== "read") continue;
      const layout = target.layoutOf(node.operand);
      const linear = linearIndex(node.at, { ...layout, offset: 0 });
      accesses.set(value, { operand: node.operand, layout, linear, guards: [], fill: 0 });
    }
    const values = new Values(kernel, { accesses, counters: new Map(), reductions: new Map() });
    const names: readonly (readonly [Axis | undefined, string])[] = [
      [image, "image"],
      [p, "p"],
      [q, `(q + ${t})`],
    ];
    for (const [each, name] of names) if (each !== undefined) values.indices.setAxis(each, name);
    values.give(sum, () => sumName, [c]);
    const linear = linearIndex(part.at, { ...this.layout, offset: 0 });
    values.vectorAt(c, lanes, from, () => values.store(part.value, linear, kernel.pointerTo(this.layout)));
    return values.lines;
  }
}

/** The place in the image of the window's first row or column, where its axis of the result stands at `name`. */
function placeOf(at: Index, axis: Axis | undefined, name: string): string {
  const factor = axis === undefined ? 0 : at.factorOf(axis);
  return factor === 0 ? String(at.constant) : `${name} * ${factor} + ${at.constant}`;
}
