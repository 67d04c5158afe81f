/**
 * The sums of `../winograd-panels.ts` for few tiles, with filters that are transformed in registers: for one row of a transformed tile at
 * a time, a step of the sum reads the nine vectors of a channel's filters, transforms them into that row's, and adds their products to
 * sums that stay in registers. So transformed filters, four times as many, go through no cache; 7×7 places with 512 channels
 * take half of the time. Channels go by in blocks: one block's filters stay in the L1 cache for all rows.
 *
 * Rows of G are a factor times [1, u, w], or a unit vector. The factors are left out here and multiply the sums once, in the end.
 */

import type { Operand } from "../value.ts";
import { transforms } from "../winograd.ts";
import type { Correlation } from "../winograd-forms.ts";
import type { PanelledWinograd, PanelOptions } from "../winograd-panels.ts";
import { tilesOf } from "../winograd-staged.ts";
import type { CKernel, CMachine, Launch } from "./target.ts";

/** So many blocks before they are used, filters are asked for: they come from memory. */
const blocksAhead = 4;
/** Registers beside the sums: three columns of a half-transformed filter, and four factors. */
const otherRegisters = 7;

/** How the correlation is cut up for this, or undefined where its sums do not fit into registers. */
export function registerPanels(correlation: Correlation, machine: CMachine): PanelOptions | undefined {
  const { contraction, c } = correlation;
  const { lanes, registers } = machine;
  const size = 4;
  const tiles = tilesOf(correlation, size).reduce((x, y) => x * y, 1);
  if (tiles * (size + 2) + otherRegisters >= registers) return undefined;
  if (c.extent % lanes !== 0 || contraction.n.extent % lanes !== 0) return undefined;
  return { size, columns: lanes, width: lanes, steps: lanes };
}

/** Lines that set the products of the task's columns, and what is packed for them before. */
export interface PanelSums {
  readonly lines: readonly string[];
  readonly packing: readonly Launch[];
}

/** Places images and products, and sets the products of the task's columns. */
export function sumsInRegisters(
  kernel: CKernel,
  { packed, images, products, block }: Pick<PanelledWinograd, "packed" | "images" | "products" | "block">,
  { size, columns, steps }: PanelOptions,
): PanelSums {
  kernel.target.place(images, "scratch");
  kernel.target.place(products, "thread");
  const { filterRows } = transforms[size];
  const alpha = size + 2;
  const tiles = numbersOf(products) / (alpha * alpha * columns);
  const row = alpha * tiles * columns;
  const scaled = filterRows.map(scaledRow);
  const shared = { columns: scaled, lanes: columns, tiles, steps };
  let line = 0;
  const calls = scaled.map((each, i) => {
    const body = rowBody({ ...shared, row: each, asks: { line, lines: asksOf(each) } });
    line += asksOf(each);
    // By themselves: together GCC has them take one another's registers.
    const name = kernel.independent("__attribute__((noinline)) void", rowArguments, body);
    return `${name}(f, d + ${i * alpha * tiles * steps}, s + ${i * row});`;
  });
  const factors = scaled.flatMap(({ factor: vertical }) => scaled.map(({ factor }) => vertical * factor));
  const sums = kernel.pointer(products);
  const lines = [
    `__builtin_memset(${sums}, 0, ${alpha * row} * sizeof(real));`,
    `for (long block = 0; block < ${block.extent}; block++) {`,
    `const real *f = ${kernel.pointer(packed)} + (task * ${block.extent} + block) * ${9 * steps * columns};`,
    `const real *d = ${kernel.pointer(images)} + block * ${alpha * alpha * tiles * steps};`,
    `real *s = ${sums};`,
    ...calls,
    "}",
    `static const real factors[] = {${factors.map((each) => `${each}`).join(", ")}};`,
    `for (long t = 0; t < ${alpha * alpha}; t++)`,
    `for (real *s = ${sums} + t * ${tiles * columns}, *end = s + ${tiles * columns}; s < end; s += ${columns})`,
    `store_${columns}(s, factors[t] * load_${columns}(s));`,
  ];
  return { lines, packing: [] };
}

/** A row of G: `factor` times [1, u, w], or the `unit` vector of this place. */
interface ScaledRow {
  readonly factor: number;
  readonly u: number;
  readonly w: number;
  readonly unit: 0 | 2 | undefined;
}

function scaledRow([first, second, third]: readonly number[]): ScaledRow {
  if (first === 0) return { factor: third, u: 0, w: 0, unit: 2 };
  if (second === 0) return { factor: first, u: 0, w: 0, unit: 0 };
  return { factor: first, u: second / first, w: third / first, unit: undefined };
}

/** Lines of filters that a row asks for in a step, nine in all: rows that compute less ask for more. */
function asksOf({ unit }: ScaledRow): number {
  return unit === 0 ? 3 : unit === 2 ? 2 : 1;
}

const rowArguments = "const real *restrict f, const real *restrict d, real *restrict s";

interface RowOptions {
  /** Which row of G it is, and all of them, which columns are transformed by. */
  readonly row: ScaledRow;
  readonly columns: readonly ScaledRow[];
  readonly lanes: number;
  readonly tiles: number;
  readonly steps: number;
  /** Which of the nine lines of a step it asks for: the first, and how many. */
  readonly asks: { readonly line: number; readonly lines: number };
}

/** Adds to the sums of one row of transformed tiles. */
function rowBody({ row, columns, lanes, tiles, steps, asks }: RowOptions): string {
  const vector = `v${lanes}`;
  const numbers = Array.from({ length: tiles }, (_, t) => t);
  const each = (text: (j: number, t: number) => string) =>
    columns.map((_, j) => numbers.map((t) => text(j, t)).join(" "));
  const at = (j: number, t: number) => `s + ${(j * tiles + t) * lanes}`;
  const tap = (r: number, s: number) => `load_${lanes}(f + ${(3 * r + s) * lanes})`;
  // Rows of G come in pairs that differ in the sign of u alone, with the same factors down as across: a register for each.
  const sizes = [
    ...new Map(columns.flatMap(({ u, w, unit }) => (unit === undefined ? [[w, Math.abs(u)]] : []))),
  ];
  const sum = (first: string, second: string, third: string, of: ScaledRow) => {
    const which = sizes.findIndex(([known]) => known === of.w);
    return `${first} + w${which} * ${third} ${of.u < 0 ? "-" : "+"} u${which} * ${second}`;
  };
  const halves = [0, 1, 2].map((s) => {
    const { unit } = row;
    const half = unit === undefined ? sum(tap(0, s), tap(1, s), tap(2, s), row) : tap(unit, s);
    return `const ${vector} h${s} = ${half};`;
  });
  return [
    ...sizes.map(
      ([w, u], i) => `const ${vector} w${i} = splat_${lanes}(${w}), u${i} = splat_${lanes}(${u});`,
    ),
    ...each((j, t) => `${vector} c${j}_${t} = load_${lanes}(${at(j, t)});`),
    `for (long step = 0; step < ${steps}; step++) {`,
    ...Array.from({ length: asks.lines }, (_, i) => {
      const asked = (9 * blocksAhead * steps + asks.line + i) * lanes;
      return `__builtin_prefetch(f + ${asked}, 0, 2);`;
    }),
    ...halves,
    ...columns.flatMap((column, j) => [
      `{ const ${vector} x = ${column.unit === undefined ? sum("h0", "h1", "h2", column) : `h${column.unit}`};`,
      ...numbers.map((t) => `c${j}_${t} = fmaof_${lanes}(d + ${(j * tiles + t) * steps}, x, c${j}_${t});`),
      "}",
    ]),
    `f += ${9 * lanes}; d++;`,
    "}",
    ...each((j, t) => `store_${lanes}(${at(j, t)}, c${j}_${t});`),
  ].join("\n");
}

function numbersOf({ shape }: Operand): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
