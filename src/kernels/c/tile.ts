/**
 * Register tiles: a few rows by a few vectors of columns of the result, which stay in registers while the whole sum runs.
 *
 * A step of the sum loads the vectors of B once and each row's number of A once, repeated over a vector; with 6 rows by 4
 * vectors of 16 that is 24 multiply-adds for 10 loads, and 29 of 32 registers. Rows are constant distances apart, so they
 * cost no arithmetic on addresses.
 */

import { type Lanes, storingMasked } from "./library.ts";
import { lineNumbers, type Vectors } from "./target.ts";

/** One run of steps of the sum, and how far each moves in A and in B. */
export interface SumRun {
  /** A number, or "steps" where it is the tile's argument. */
  readonly extent: number | "steps";
  readonly a: number;
  readonly b: number;
}

export interface Tile {
  readonly rows: number;
  /** How many such stretches of rows, one behind the other, as of several short rows of an image. */
  readonly deep: number;
  readonly vectors: number;
  readonly lanes: Lanes;
  /** Numbers between rows of A, and between stretches. */
  readonly rowStep: number;
  readonly deepStep: number;
  readonly sum: readonly SumRun[];
  /** Numbers between rows of where the tile is stored, and between stretches. */
  readonly pitch: number;
  readonly deepPitch: number;
  /** Columns that are stored: all, or fewer of the last vector. */
  readonly columns: number;
  /** Whether the tile goes on from what is stored. */
  readonly accumulates: boolean;
  /** Whether its sum is a block of a longer one, between which sums wait at the tile's argument `sums`, vector behind vector. Default false. */
  readonly isBlock?: boolean;
  /**
   * What of B is asked for beforehand, because weights of a large network come from memory, where prefetchers of the machine stop
   * at each page: numbers at `ahead` in each step, so that the tiles of one panel ask for the next; or a fixed way further; or nothing.
   * Or single lines, so many in a round of steps, as far apart as the tile's argument `apart` says.
   */
  readonly asks: number | { readonly linesInRound: number } | "further" | "nothing";
  /** Whether the rows behind the tile's are asked for: those lie behind one another without gaps, and the sum is one run. Default false. */
  readonly asksRows?: boolean;
  /** Whether few tiles are so, for what others leave over: then its text is short, which compiles sooner. Default false. */
  readonly isRest?: boolean;
  /** What is done with the sums while they are in registers; default: they are stored. */
  readonly finish?: Finish | undefined;
}

/** What stands around the sums of a tile. */
export interface Finish {
  /** Further arguments of the tile: what is read, where its first row and column are. */
  readonly pointers: readonly string[];
  /** Lines that store at `to` what comes of the vector `sum`. */
  readonly store: (to: string, sum: string, at: PlaceInTile) => string;
}

/** A vector of a tile: this row of this stretch, from this column on, of which so many are stored. */
export interface PlaceInTile {
  readonly row: number;
  readonly stretch: number;
  readonly column: number;
  readonly count: number;
}

/** Numbers of a panel, or of another operand, of which not much more fits into the L2 cache. */
export const panelNumbers = 112 * 1024;

/** What a vector of B costs that comes from beyond the L2 cache, in multiply-adds. */
export const farCost = 12;

/** How far ahead B is asked for where it is read in place. */
const prefetchNumbers = 2048;

/** Steps of a sum between which a tile counts. */
export const stepsInRound = 4;

/** Whole tiles to a lower one from which on the lower are few: `isRest`. */
export const wholeToRest = 8;

/** Part of the time from which on tiles of two heights pay: each is text to compile. */
const levelGain = 0.98;

/** Arguments of a tile's function. */
export function tileArguments({ finish, asks, isBlock }: Pick<Tile, "finish" | "asks" | "isBlock">): string {
  const apart = typeof asks === "object" ? ", const long apart" : "";
  const block = isBlock ? ", real *restrict sums, const long isFirst, const long isLast" : "";
  const further = finish?.pointers.map((each) => `, const real *restrict ${each}`).join("") ?? "";
  return `const real *restrict a, const real *restrict b, real *restrict t, const long steps, const real *ahead${apart}${block}${further}`;
}

export function tileBody(tile: Tile): string {
  const { rows, deep, vectors, lanes, sum, accumulates } = tile;
  const lines: string[] = [];
  const each = (text: (i: number, j: number) => string) => {
    for (let i = 0; i < deep * rows; i++)
      lines.push(Array.from({ length: vectors }, (_, j) => text(i, j)).join(" "));
  };
  const offset = (i: number, step: number, deepStep: number) =>
    Math.floor(i / rows) * deepStep + (i % rows) * step;
  const at = (i: number, j: number) => `t + ${offset(i, tile.pitch, tile.deepPitch) + j * lanes}`;
  const sums = (i: number, j: number) => `sums + ${(i * vectors + j) * lanes}`;
  const begun = (i: number, j: number) => (accumulates ? `load_${lanes}(${at(i, j)})` : `(v${lanes}){0}`);
  if (tile.isBlock) {
    each((i, j) => `v${lanes} c${i}_${j};`);
    lines.push("if (isFirst) {");
    each((i, j) => `c${i}_${j} = ${begun(i, j)};`);
    lines.push("} else {");
    each((i, j) => `c${i}_${j} = load_${lanes}(${sums(i, j)});`);
    lines.push("}");
  } else each((i, j) => `v${lanes} c${i}_${j} = ${begun(i, j)};`);
  const last = sum.length - 1;
  for (const [i, run] of sum.entries()) {
    const [outerA, outerB] = i === 0 ? ["a", "b"] : [`a${i - 1}`, `b${i - 1}`];
    lines.push(`const real *a${i} = ${outerA}, *b${i} = ${outerB};`);
    if (i < last) lines.push(`for (long k${i} = 0; k${i} < ${run.extent}; k${i}++) {`);
  }
  lines.push(...innermostSteps(tile, last, offset));
  for (let i = last - 1; i >= 0; i--) lines.push(`a${i} += ${sum[i].a}; b${i} += ${sum[i].b};`, "}");
  if (tile.isBlock) {
    lines.push("if (!isLast) {");
    each((i, j) => `store_${lanes}(${sums(i, j)}, c${i}_${j});`);
    lines.push("return;", "}");
  }
  each((i, j) => {
    const count = Math.min(lanes, tile.columns - j * lanes);
    const place = { row: i % rows, stretch: Math.floor(i / rows), column: j * lanes, count };
    const sum = `c${i}_${j}`;
    return tile.finish?.store(at(i, j), sum, place) ?? storingMasked(at(i, j), sum, lanes, count);
  });
  return lines.join("\n");
}

/**
 * The steps of the run `last`, several to a round: what counts steps and asks for what comes is done once in each. So a core that gives
 * a second thread half of the instructions it takes in has more of them left for multiply-adds.
 */
function innermostSteps(
  tile: Tile,
  last: number,
  offset: (row: number, step: number, deepStep: number) => number,
): string[] {
  const { rows, deep, vectors, lanes, sum } = tile;
  const run = sum[last] ?? { extent: 1, a: 0, b: 0 };
  const [a, b] = last < 0 ? ["a", "b"] : [`a${last}`, `b${last}`];
  const round = (steps: number) => {
    const lines = asking(tile, b, steps);
    for (let step = 0; step < steps; step++) {
      // Numbers of A that the next step reads again are not kept: registers are for sums.
      lines.push("{", '__asm__ volatile("" ::: "memory");');
      for (let j = 0; j < vectors; j++)
        lines.push(`const v${lanes} x${j} = load_${lanes}(${b} + ${step * run.b + j * lanes});`);
      for (let i = 0; i < deep * rows; i++) {
        const at = offset(i, tile.rowStep, tile.deepStep) + step * run.a;
        const adds = Array.from(
          { length: vectors },
          (_, j) => `c${i}_${j} = fma_${lanes}(y, x${j}, c${i}_${j});`,
        );
        lines.push(`{ const v${lanes} y = splat_${lanes}(${a}[${at}]); ${adds.join(" ")} }`);
      }
      lines.push("}");
    }
    if (last >= 0) lines.push(`${a} += ${steps * run.a}; ${b} += ${steps * run.b};`);
    return lines;
  };
  const { extent } = run;
  if (tile.isRest) return [`for (long k = 0; k < ${extent}; k++) {`, ...round(1), "}"];
  if (extent === "steps")
    return [
      "long k = 0;",
      `for (; k + ${stepsInRound} <= steps; k += ${stepsInRound}) {`,
      ...round(stepsInRound),
      "}",
      "for (; k < steps; k++) {",
      ...round(1),
      "}",
    ];
  const steps = roundOf(extent);
  return [`for (long k = 0; k < ${extent}; k += ${steps}) {`, ...round(steps), "}"];
}

/** Steps that a loop over so many makes at a time, without a rest. */
function roundOf(extent: number): number {
  if (extent <= 2 * stepsInRound) return extent;
  let steps = stepsInRound;
  while (extent % steps !== 0) steps--;
  return steps;
}

/** Asks for what the tile is to ask for in so many steps. */
function asking({ asks, asksRows, rows, rowStep, vectors, lanes }: Tile, b: string, steps: number): string[] {
  const lines: string[] = [];
  const ask = (from: string, numbers: number, how: string) => {
    for (let j = 0; j < numbers; j += lineNumbers) lines.push(`__builtin_prefetch(${from} + ${j}${how});`);
  };
  if (asks === "further") ask(`${b} + ${prefetchNumbers}`, steps * vectors * lanes, "");
  else if (typeof asks === "object") {
    const count = steps === stepsInRound ? asks.linesInRound : 0;
    for (let i = 0; i < count; i++) lines.push("__builtin_prefetch(ahead, 0, 2); ahead += apart;");
  } else if (asks !== "nothing") {
    ask("ahead", steps * asks, ", 0, 2");
    lines.push(`ahead += ${steps * asks};`);
  }
  if (asksRows) ask(`a + ${rows * rowStep} + k * ${rows}`, steps * rows, ", 0, 3");
  return lines;
}

/** Columns that tiles of one kind compute, in `count` panels side by side. */
export interface ColumnGroup {
  /** First column. */
  readonly from: number;
  /** Number of the first panel. */
  readonly panel: number;
  readonly count: number;
  readonly vectors: number;
  /** Rows of a tile; what is left over has a lower tile, or the last tiles are a row lower. */
  readonly rows: number;
  /** How many of the last tiles are a row lower, so that nothing is left over; 0 where that brings little. */
  readonly lower: number;
  /** Stretches of so many rows in a tile. */
  readonly deep: number;
}

export interface Tiling {
  /** Time of one step of the sum for all rows and columns, in vectors' multiply-adds. */
  readonly cost: number;
  readonly lanes: Lanes;
  readonly groups: readonly ColumnGroup[];
}

/** Vectors of the best tile where there are many rows and columns: 6 × 4 in 32 registers, 6 × 2 in 16. */
export function tileVectors({ registers }: Pick<Vectors, "registers">): number {
  return registers === 32 ? 4 : 2;
}

/** Steps of the sum for which such a tile's panel stays in the L2 cache from tile to tile. */
export function stepsInCache(machine: Vectors): number {
  return Math.floor(panelNumbers / (tileVectors(machine) * machine.lanes));
}

/**
 * Tiles for so many columns and `stretches` times so many rows, by the least estimated time; `steps` of the sum at a time decide where
 * panels are read from.
 */
export function tilingOf(
  columns: number,
  rows: number,
  stretches: number,
  steps: number,
  machine: Vectors,
): Tiling {
  const widest = machine.lanes;
  let best: Tiling | undefined;
  for (let lanes = widest; lanes >= 1; lanes = (lanes / 2) as Lanes) {
    // A narrower vector does less, in a little less time.
    const price = lanes === widest ? 1 : 0.75;
    const all = Math.ceil(columns / lanes);
    for (const vectors of [1, 2, 3, 4, 6, 8, 16]) {
      if (vectors > all) continue;
      const count = Math.floor(all / vectors);
      const kinds = [{ from: 0, panel: 0, count, vectors }];
      const rest = all % vectors;
      if (rest > 0) kinds.push({ from: count * vectors * lanes, panel: count, count: 1, vectors: rest });
      const shaped = kinds.map((kind) => {
        const isFar = steps * kind.vectors * lanes > panelNumbers;
        const timeFor = (height: number) => timeOf(height, kind.vectors, machine, isFar);
        return { kind, shape: shapeOf(rows, stretches, mostRows(kind.vectors, machine), timeFor) };
      });
      const cost = shaped.reduce((sum, { kind, shape }) => sum + price * kind.count * shape.time, 0);
      if (best !== undefined && cost >= best.cost) continue;
      const groups = shaped.map(
        ({ kind, shape: { rows, deep, lower } }): ColumnGroup => ({ ...kind, rows, deep, lower }),
      );
      best = { cost, lanes, groups };
    }
    if (lanes === 1 || columns >= 4 * lanes) break;
  }
  if (best === undefined) throw new Error("a contraction without columns");
  return best;
}

/** Rows of the highest tile of so many vectors. */
function mostRows(vectors: number, { registers }: Vectors): number {
  // Of several vectors one register is left free: with all taken (4 × 3 of AVX2), GCC loads the columns again for each row, 68 GFLOP/s
  // of 94.
  const free = vectors === 1 ? 1 : 2;
  return Math.max(1, Math.min(24, Math.floor((registers - free - vectors) / vectors)));
}

/** Rows and stretches of a tile of at most so many rows, and the time of one step of the sum for all rows of all stretches. */
function shapeOf(
  rows: number,
  stretches: number,
  most: number,
  timeFor: (height: number) => number,
): { rows: number; deep: number; lower: number; time: number } {
  const high = Math.ceil(rows / Math.ceil(rows / most));
  const [whole, rest] = [Math.floor(rows / high), rows % high];
  let [flat, lower] = [whole * timeFor(high) + (rest === 0 ? 0 : timeFor(rest)), 0];
  // 49 rows as four tiles of 6 and five of 5, not eight of 6 and one of 1.
  if (rest > 0 && rest < high - 1 && high - rest <= whole + 1) {
    const level = (whole + 1 - (high - rest)) * timeFor(high) + (high - rest) * timeFor(high - 1);
    if (level < levelGain * flat) [flat, lower] = [level, high - rest];
  }
  let best = { rows: high, deep: 1, lower, time: stretches * flat };
  // Short rows: several stretches in a tile.
  for (let deep = 2; deep <= stretches && deep * rows <= most; deep++) {
    const left = stretches % deep;
    const time = Math.floor(stretches / deep) * timeFor(deep * rows) + left * timeFor(rows);
    if (time < best.time) best = { rows, deep, lower: 0, time };
  }
  return best;
}

/**
 * Time of one step of the sum, in multiply-adds: what multiplying, loading or waiting takes, the longest.
 *
 * With 16 registers (AMD Zen 3): a core multiplies as many vectors as it loads, at best, and those of B come from beyond the L1 cache:
 * 6 × 2 vectors reach 94 GFLOP/s of 94, 14 × 1 77. With 32 (Intel Ice Lake, 512 bits): a row's number costs half a multiply-add, 6 × 4
 * vectors reach 187 GFLOP/s of 207, 8 × 3 184, 12 × 2 165, 14 × 2 163, and 1 × 8 waits for B, 65; 14 × 1 as its cost says, 155 of 180
 * (Emerald Rapids), unless its rows collide in the L1 cache.
 */
function timeOf(height: number, vectors: number, { registers }: Vectors, isFar: boolean): number {
  if (registers < 32) return Math.max(height * vectors, 1.25 * height + 2 * vectors, 10) + 1;
  return Math.max((vectors + 0.5) * height, (isFar ? farCost : 4.5) * vectors, 10);
}
