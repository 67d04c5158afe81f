/** How a contraction is walked through: what its schedule decides and its loops follow. */

import type { View } from "../contraction-view.ts";
import type { Axis, Index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import type { Contraction, PartialSums, Run } from "../schedule-contraction.ts";
import type { Operand, Value } from "../value.ts";
import type { Panels } from "./panels.ts";
import type { CTarget } from "./target.ts";
import type { Tiling } from "./tile.ts";

/** A read of what stands around the sum. */
export interface ReadAround {
  readonly value: Value;
  readonly operand: Operand;
  readonly linear: Index;
}

/** How a contraction is walked through. */
export interface Walk {
  readonly target: CTarget;
  readonly c: Contraction;
  readonly view: View;
  /** Whether a box has a block of rows, not of the sum. */
  readonly blocksRows: boolean;
  /** Or of the sum, not of rows. */
  readonly blocksSum: boolean;
  /** Axes of the sum that are walked outside the tiles. */
  readonly splits: readonly Axis[];
  /** Whether tiles go on from what is stored. */
  readonly accumulates: boolean;
  /** Whether those are there when the walk begins, not zeros that it writes. */
  readonly adds: boolean;
  /** Numbers of what comes after this walk that tiles ask for in each panel, at `ahead`; undefined where they ask for the next panel. */
  readonly askedInPanel: number | undefined;
  /** Numbers that are asked for between the tiles of a panel, at `meanwhile0`, `meanwhile1`, … */
  readonly askedMeanwhile: readonly number[];
  readonly tiling: Tiling;
  readonly panels: Panels;
  /** Whether B is packed into panels, or lies as one. */
  readonly packs: boolean;
  readonly isPanel: boolean;
  readonly partials: PartialSums | undefined;
  /** What tiles read when they finish; nothing where their sums are partial. */
  readonly around: readonly ReadAround[];
  /** Where the tiles' results go: the output, or sums that are not finished. */
  readonly out: Layout;
  readonly outFactor: (axis: Axis) => number;
  /** Runs of rows; a box's block is the first. */
  readonly rows: readonly Run[];
  /** Which run of rows the tiles go along. */
  readonly along: number;
  /** Runs of the sum; where it is walked in blocks, these are of the first. */
  readonly sums: readonly Run[];
  /** Steps of the first run of the sum at a time, where they are not all of it: those of a box, or a panel of which stays in the L2 cache. */
  readonly sumBlock: number | undefined;
  /** Rows of the window, the first run of the sum, where some lie outside the image: sums leave those out. */
  readonly window: WindowRows | undefined;
  /** Rows of the first run for one task, without a box. */
  readonly rowsPerTask: number;
}

/** Where rows of a window are: the first, of the first place of a box's block, at `first`, and so far from place to place and row to row. */
export interface WindowRows {
  readonly extent: number;
  readonly first: number;
  readonly perPlace: number;
  readonly perRow: number;
  /** Rows of the image. */
  readonly height: number;
}

/** Declares from which to before which row of a window the image has rows, where the first of the window would be at `top`. */
export function windowLines({ extent, perRow, height }: Omit<WindowRows, "first" | "perPlace">): string[] {
  const isOutside = (row: string) => `(unsigned long)(top + (${row}) * ${perRow}) >= ${height}`;
  return [
    `long rFrom = 0, rTo = ${extent};`,
    `while (rFrom < rTo && ${isOutside("rFrom")}) rFrom++;`,
    `while (rTo > rFrom && ${isOutside("rTo - 1")}) rTo--;`,
  ];
}

/** First place and end of a run of rows in a task, as C. */
export function rowRange({ view, rows, blocksRows }: Walk, run: number): [from: string, to: string] {
  if (view.box === undefined && run === 0) return ["rowFrom", "rowTo"];
  if (run === 0 && blocksRows) return ["0", "count"];
  return ["0", String(rows[run].extent)];
}

/** Variables of a block of the sum: its first step, and how many it has. A box has but one block. */
export function sumBlockNames({ blocksSum }: Pick<Walk, "blocksSum">): [from: string, count: string] {
  return blocksSum ? ["from", "count"] : ["at", "steps"];
}

/** Whether the sums of a panel are made block by block. */
export function blocksInPanel({ sumBlock, blocksSum }: Pick<Walk, "blocksSum" | "sumBlock">): boolean {
  return sumBlock !== undefined && !blocksSum;
}

/** Opens a loop over the blocks of the sum, of so many places. */
export function sumBlockLoop(walk: Pick<Walk, "blocksSum" | "sumBlock">, extent: number): readonly string[] {
  const [from, count] = sumBlockNames(walk);
  const { sumBlock } = walk;
  return [
    `for (long ${from} = 0; ${from} < ${extent}; ${from} += ${sumBlock}) {`,
    `const long ${count} = least(${sumBlock}, ${extent} - ${from});`,
  ];
}
