/**
 * Renders depthwise convolutions: a task has some rows of the result. Neighbours of a row are summed together, vector by vector of their
 * channels, so that each number of the image and of the window is loaded once for several of them, and asks for no edge where there is none.
 */

import { type Depthwise, asDepthwise } from "../depthwise.ts";
import type { Part } from "../formula.ts";
import type { Axis, Index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { readsAround } from "../schedule-contraction.ts";
import type { Access } from "../schedule-nest.ts";
import type { Value } from "../value.ts";
import type { Lanes } from "./library.ts";
import { CKernel, type CTarget, type Launch, lineNumbers } from "./target.ts";
import { Values } from "./values.ts";

/**
 * Places of a row that are summed together, and as many where they lie next to one another in the image: with as many sums and a row of
 * the window, registers suffice up to 7 columns.
 */
const together = 2;
const togetherInRow = 4;
/** Columns of a window beyond which its row does not fit into registers. */
const mostColumns = 7;
/** Products that a task should have at least. */
const taskProducts = 8192;

/** The launch of a depthwise convolution; undefined where the part is none, or has fewer channels than a vector. */
export function renderDepthwise(target: CTarget, part: Part, layout: Layout): Launch[] | undefined {
  const found = asDepthwise(part, layout, (operand) => target.layoutOf(operand));
  if (found === undefined || found.s.extent > mostColumns || found.c.extent < target.machine.lanes)
    return undefined;
  return [new DepthwiseRenderer(target, found, layout).render()];
}

class DepthwiseRenderer {
  private readonly target: CTarget;
  private readonly d: Depthwise;
  private readonly layout: Layout;
  private readonly kernel: CKernel;

  constructor(target: CTarget, depthwise: Depthwise, layout: Layout) {
    this.target = target;
    this.d = depthwise;
    this.layout = layout;
    this.kernel = new CKernel(target);
  }

  render(): Launch {
    const { p, q, c, r, s, image, a, part } = this.d;
    this.target.reads([part]);
    const [, vertical, horizontal] = a.at;
    const [, height, width] = a.operand.shape;
    const [rows, columns] = [p?.extent ?? 1, q?.extent ?? 1];
    const allRows = rows * (image?.extent ?? 1);
    const perTask = Math.max(1, Math.floor(taskProducts / (columns * c.extent * r.extent * s.extent)));
    const [from, to] = this.columnsInside(columns, horizontal, width);
    const count = q !== undefined && horizontal.factorOf(q) === 1 ? togetherInRow : together;
    const whole = from + Math.floor((to - from) / count) * count;
    this.kernel.body.push(
      `for (long i = task * ${perTask}, end = least(i + ${perTask}, ${allRows}); i < end; i++) {`,
      `const long p = i % ${rows}, image = i / ${rows};`,
      `const long top = ${placeOf(vertical, p, "p")};`,
      "(void)image;",
      ...rangeLines("r", r, vertical.factorOf(r), "top", height),
      `for (long q = ${from}; q < ${whole}; q += ${count}) {`,
      ...this.places(count, true),
      "}",
      // The others one by one, first those at the edges.
      `for (long q = 0; q < ${columns}; q++) {`,
      `if (q == ${from}) q = ${whole};`,
      `if (q >= ${columns}) break;`,
      `const long left = ${placeOf(horizontal, q, "q")};`,
      ...rangeLines("s", s, horizontal.factorOf(s), "left", width),
      ...this.places(1, false),
      "}",
      "}",
    );
    return this.target.launch(this.kernel, Math.ceil(allRows / perTask));
  }

  /** Columns of the result, from one to before another, whose windows are inside the image. */
  private columnsInside(columns: number, horizontal: Index, width: number): [from: number, to: number] {
    const { q, s } = this.d;
    const isInside = (column: number) => {
      const left = horizontal.constant + column * (q === undefined ? 0 : horizontal.factorOf(q));
      const right = left + (s.extent - 1) * horizontal.factorOf(s);
      return Math.min(left, right) >= 0 && Math.max(left, right) < width;
    };
    const inside = Array.from({ length: columns }, (_, column) => column).filter(isInside);
    return inside.length === 0 ? [columns, columns] : [inside[0], inside[inside.length - 1] + 1];
  }

  /** So many places of the row from `q` on; their windows are inside the image, or have columns from `sFrom` to `sTo`. */
  private places(count: number, isInside: boolean): string[] {
    const { c } = this.d;
    const lines: string[] = [];
    const { lanes } = this.target.machine;
    const whole = Math.floor(c.extent / lanes) * lanes;
    lines.push(`for (long from = 0; from < ${whole}; from += ${lanes}) {`);
    lines.push(...this.vector(count, lanes, isInside), "}");
    for (let at = whole, wide = lanes; at < c.extent; at += wide) {
      while (wide > c.extent - at) wide = (wide / 2) as Lanes;
      lines.push(`{ const long from = ${at};`, ...this.vector(count, wide, isInside), "}");
    }
    return lines;
  }

  /** The same for a vector of channels. */
  private vector(count: number, lanes: Lanes, isInside: boolean): string[] {
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
      ...each(count, (t) => `v${lanes} sum${t} = {0};`),
      ...(isInside ? this.ahead(count, lanes) : []),
      "for (long r = rFrom; r < rTo; r++) {",
      `const real *const xr = x + (top + r * ${vertical.factorOf(r)}) * ${ofRows}, *const wr = w + r * ${linearB.factorOf(r)};`,
    ];
    const tapOf = (at: string) => `load_${lanes}(wr + ${at} * ${linearB.factorOf(s)})`;
    const [step, tap] = [q === undefined ? 0 : horizontal.factorOf(q), horizontal.factorOf(s)];
    if (isInside) {
      lines.push(...each(s.extent, (i) => `const v${lanes} w${i} = ${tapOf(String(i))};`));
      const uses = each(count, (t) => each(s.extent, (i) => ({ t, i, at: t * step + i * tap }))).flat();
      const places = [...new Set(uses.map(({ at }) => at))].sort((one, other) => one - other);
      for (const place of places) {
        const adds = uses
          .filter(({ at }) => at === place)
          .map(({ t, i }) => `sum${t} = fma_${lanes}(y, w${i}, sum${t});`);
        lines.push(`{ const v${lanes} y = load_${lanes}(xr + ${place * ofColumns}); ${adds.join(" ")} }`);
      }
    } else
      lines.push(
        "for (long s = sFrom; s < sTo; s++)",
        `sum0 = fma_${lanes}(load_${lanes}(xr + s * ${tap * ofColumns}), ${tapOf("s")}, sum0);`,
      );
    lines.push("}", ...each(count, (t) => this.finish(t, lanes)).flat());
    return lines;
  }

  /** Asks for what the next row of the result needs besides: neighbours in a row lie too far apart for the machine to see a pattern. */
  private ahead(count: number, lanes: Lanes): string[] {
    const { p, q, r, a } = this.d;
    if (p === undefined) return [];
    const [, vertical, horizontal] = a.at;
    const [, ofRows, ofColumns] = this.target.layoutOf(a.operand).strides;
    const [down, right] = [vertical.factorOf(p), q === undefined ? 1 : horizontal.factorOf(q)];
    const below = Math.max(0, vertical.factorOf(r)) * (r.extent - 1) + 1;
    // Once for each line of the cache.
    const lines = lanes < lineNumbers ? [`if (from % ${lineNumbers} == 0) {`] : ["{"];
    for (let row = 0; row < down; row++)
      for (let column = 0; column < count * right; column++)
        lines.push(
          `__builtin_prefetch(x + (top + ${below + row}) * ${ofRows} + ${column * ofColumns}, 0, 2);`,
        );
    return [...lines, "}"];
  }

  /** Stores what comes of the sum of one place. */
  private finish(t: number, lanes: Lanes): readonly string[] {
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
    for (const [each, name] of names) if (each !== undefined) values.setAxis(each, name);
    values.give(sum, () => `sum${t}`, [c]);
    const linear = linearIndex(part.at, { ...this.layout, offset: 0 });
    values.vectorAt(c, lanes, "from", () => values.store(part.value, linear, kernel.pointerTo(this.layout)));
    return values.lines;
  }
}

/** The place in the image of the window's first row or column, where its axis of the result stands at `name`. */
function placeOf(at: Index, axis: Axis | undefined, name: string): string {
  const factor = axis === undefined ? 0 : at.factorOf(axis);
  return factor === 0 ? String(at.constant) : `${name} * ${factor} + ${at.constant}`;
}

/** Declares from which to before which place of an axis of the window `start + place * step` is within 0 … extent − 1. */
function rangeLines(
  name: string,
  { extent: places }: Axis,
  step: number,
  start: string,
  extent: number,
): string[] {
  const isOutside = (place: string) => `(unsigned long)(${start} + (${place}) * ${step}) >= ${extent}`;
  return [
    `long ${name}From = 0, ${name}To = ${places};`,
    `while (${name}From < ${name}To && ${isOutside(`${name}From`)}) ${name}From++;`,
    `while (${name}To > ${name}From && ${isOutside(`${name}To - 1`)}) ${name}To--;`,
  ];
}
