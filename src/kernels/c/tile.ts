/**
 * Register tiles: a few rows by a few vectors of columns of the result, which stay in registers while the whole sum runs.
 *
 * A step of the sum loads the vectors of B once and each row's number of A once, repeated over a vector; with 14 rows by 2
 * vectors of 16 that is 28 multiply-adds for 16 loads, and 31 of 32 registers. Rows are constant distances apart, so they
 * cost no arithmetic on addresses.
 */

import type { Lanes } from "./library.ts";
import type { CMachine } from "./target.ts";

/** One run of steps of the sum, and how far each moves in A and in B. */
export interface SumRun {
  /** A number, or "steps" where it is the tile's argument. */
  readonly extent: number | "steps";
  readonly a: number;
  readonly b: number;
}

export interface Tile {
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: Lanes;
  /** Numbers between rows of A. */
  readonly rowStep: number;
  readonly sum: readonly SumRun[];
  /** Numbers between rows of where the tile is stored. */
  readonly pitch: number;
  /** Whether the tile goes on from what is stored. */
  readonly accumulates: boolean;
}

/** How far ahead B is asked for: weights of a large network come from memory, and prefetchers of the machine stop at each page. */
const prefetchNumbers = 2048;

/** Arguments of a tile's function. */
export const tileArguments =
  "const float *restrict a, const float *restrict b, float *restrict t, const long steps";

export function tileBody({ rows, vectors, lanes, rowStep, sum, pitch, accumulates }: Tile): string {
  const lines: string[] = [];
  const each = (text: (i: number, j: number) => string) => {
    for (let i = 0; i < rows; i++)
      lines.push(Array.from({ length: vectors }, (_, j) => text(i, j)).join(" "));
  };
  const at = (i: number, j: number) => `t + ${i * pitch + j * lanes}`;
  each((i, j) => `v${lanes} c${i}_${j} = ${accumulates ? `load_${lanes}(${at(i, j)})` : `{0}`};`);
  for (const [i, run] of sum.entries()) {
    const [outerA, outerB] = i === 0 ? ["a", "b"] : [`a${i - 1}`, `b${i - 1}`];
    lines.push(`const float *a${i} = ${outerA}, *b${i} = ${outerB};`);
    lines.push(`for (long k${i} = 0; k${i} < ${run.extent}; k${i}++) {`);
  }
  const last = sum.length - 1;
  const [a, b] = last < 0 ? ["a", "b"] : [`a${last}`, `b${last}`];
  for (let j = 0; j < vectors; j++) lines.push(`const v${lanes} x${j} = load_${lanes}(${b} + ${j * lanes});`);
  const lineLength = 16;
  for (let j = 0; j < vectors * lanes; j += lineLength)
    lines.push(`__builtin_prefetch(${b} + ${prefetchNumbers + j});`);
  for (let i = 0; i < rows; i++) {
    const row = `{ const float y = ${a}[${i * rowStep}];`;
    const adds = Array.from({ length: vectors }, (_, j) => `c${i}_${j} += y * x${j};`);
    lines.push(`${row} ${adds.join(" ")} }`);
  }
  for (let i = last; i >= 0; i--) lines.push(`a${i} += ${sum[i].a}; b${i} += ${sum[i].b};`, "}");
  each((i, j) => `store_${lanes}(${at(i, j)}, c${i}_${j});`);
  return lines.join("\n");
}

/** Columns that tiles of one kind compute, in `count` panels side by side. */
export interface ColumnGroup {
  /** First column. */
  readonly from: number;
  /** Number of the first panel. */
  readonly panel: number;
  readonly count: number;
  readonly vectors: number;
  /** Rows of a tile; what is left over has a lower tile. */
  readonly rows: number;
}

export interface Tiling {
  readonly lanes: Lanes;
  readonly groups: readonly ColumnGroup[];
}

/** Tiles for so many columns and rows, by the least estimated time. */
export function tilingOf(columns: number, rows: number, { lanes: widest, registers }: CMachine): Tiling {
  let best: { cost: number; tiling: Tiling } | undefined;
  for (let lanes = widest; lanes >= 1; lanes = (lanes / 2) as Lanes) {
    // A narrower vector does less, in a little less time.
    const price = lanes === widest ? 1 : 0.75;
    const all = Math.ceil(columns / lanes);
    for (const vectors of [1, 2, 3, 4, 6, 8, 16]) {
      if (vectors > all) continue;
      const rest = all % vectors;
      const count = Math.floor(all / vectors);
      const cost =
        price * (count * timeOf(rows, vectors, registers) + (rest === 0 ? 0 : timeOf(rows, rest, registers)));
      if (best !== undefined && cost >= best.cost) continue;
      const group = (from: number, panel: number, count: number, vectors: number): ColumnGroup => ({
        from,
        panel,
        count,
        vectors,
        rows: rowsOf(rows, vectors, registers),
      });
      const groups = [group(0, 0, count, vectors)];
      if (rest > 0) groups.push(group(count * vectors * lanes, count, 1, rest));
      best = { cost, tiling: { lanes, groups } };
    }
    if (lanes === 1 || columns >= 4 * lanes) break;
  }
  if (best === undefined) throw new Error("a contraction without columns");
  return best.tiling;
}

function rowsOf(rows: number, vectors: number, registers: number): number {
  const most = Math.max(1, Math.min(24, Math.floor((registers - 1 - vectors) / vectors)));
  return Math.ceil(rows / Math.ceil(rows / most));
}

/** Time of one step of the sum for all rows, in multiply-adds: what multiplying, loading or waiting takes, the longest. */
function timeOf(rows: number, vectors: number, registers: number): number {
  const high = rowsOf(rows, vectors, registers);
  const tile = (height: number) => Math.max(height * vectors, 0.75 * (height + vectors), 8) + 1;
  const count = Math.floor(rows / high);
  const rest = rows % high;
  return count * tile(high) + (rest === 0 ? 0 : tile(rest));
}
