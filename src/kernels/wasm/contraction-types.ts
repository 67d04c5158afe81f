/** What the pieces of a rendered contraction tell each other. */

import type { Axis } from "../index-expression.ts";
import type { PartialSums } from "../schedule-contraction.ts";

/** Columns of the result that one kind of tile computes, in `count` blocks side by side. */
export interface ColumnGroup {
  /** First column. */
  readonly from: number;
  /** Number of the first block. */
  readonly block: number;
  readonly count: number;
  readonly columns: number;
  readonly rows: number;
}

/** Where columns of B lie. */
export interface Panels {
  /** Byte address of the first element. */
  readonly address: number;
  /** Elements between places of an axis, in panels of so many columns. */
  readonly factorOf: (axis: Axis, columns: number) => number;
  /** Elements from one block of columns to the next, and from the first element to a group's first. */
  readonly blockFactor: (group: ColumnGroup) => number;
  readonly groupOffset: (group: ColumnGroup) => number;
}

/** Sums that are not finished, and the byte address of the first. */
export interface Partials extends PartialSums {
  readonly address: number;
}
