/**
 * How B of a contraction is packed: into panels of as many columns as a register tile has, for all steps of the sum, behind one another.
 * The same for all engines on CPUs.
 */

import { type Part, scatter } from "./formula.ts";
import { type Axis, extentOf, type Index, index } from "./index-expression.ts";
import { contiguousLayout } from "./layout.ts";
import type { Contraction } from "./schedule-contraction.ts";
import { position, Source } from "./value.ts";

/** Panels side by side of so many columns each, from the column `from` on. */
export interface PanelGroup {
  readonly from: number;
  readonly count: number;
  readonly columns: number;
}

export interface Packing {
  /** Numbers of all panels. */
  readonly elements: number;
  /** Copies each group, into these strides from so many numbers on. */
  readonly copies: readonly {
    readonly part: Part;
    readonly offset: number;
    readonly strides: readonly number[];
  }[];
  /** Numbers between places of an axis, in panels of so many columns. */
  readonly factorOf: (axis: Axis, columns: number) => number;
  /** Steps of the sum, each of which has a panel's columns. */
  readonly steps: number;
}

/** Packs B for a sum over these axes; `linear` is where B is read. Panels of one batch lie together, group after group. */
export function packingOf(
  c: Contraction,
  linear: Index,
  groups: readonly PanelGroup[],
  sumInTile: readonly Axis[],
): Packing {
  const steps = extentOf(sumInTile);
  const last = groups[groups.length - 1];
  const width = last.from + last.count * last.columns;
  const order = c.batch.filter((each) => linear.factorOf(each) !== 0);
  const factors = new Map<Axis, number>();
  for (let i = order.length - 1, batch = width * steps; i >= 0; i--) {
    factors.set(order[i], batch);
    batch *= order[i].extent;
  }
  const stepsOf = new Map<Axis, number>();
  for (let i = sumInTile.length - 1, inner = 1; i >= 0; i--) {
    stepsOf.set(sumInTile[i], inner);
    inner *= sumInTile[i].extent;
  }
  const copies = groups.map((group) => {
    const part = panelPart(c, group, order, sumInTile);
    const contiguous = contiguousLayout(
      0,
      part.axes.map((each) => each.extent),
    ).strides;
    const strides = contiguous.map((stride, i) => factors.get(order[i]) ?? stride);
    return { part, offset: group.from * steps, strides };
  });
  return {
    elements: extentOf(order) * width * steps,
    copies,
    factorOf: (each, columns) => factors.get(each) ?? (stepsOf.get(each) ?? 0) * columns,
    steps,
  };
}

/** [...order, panel, ...sum, column] of B. Columns beyond the last are zeros. */
function panelPart(
  c: Contraction,
  { from, count, columns }: PanelGroup,
  order: readonly Axis[],
  sumInTile: readonly Axis[],
): Part {
  const source = new Source(c.b.operand);
  const extentsOf = (axes: readonly Axis[]) => axes.map((each) => each.extent);
  return scatter([...extentsOf(order), count, ...extentsOf(sumInTile), columns], (...axes) => {
    const column = index(axes[order.length])
      .times(columns)
      .plus(axes[axes.length - 1])
      .plus(from);
    const replacement = new Map<Axis, Index>([[c.n, column]]);
    for (const [i, each] of order.entries()) replacement.set(each, index(axes[i]));
    for (const [i, each] of sumInTile.entries()) replacement.set(each, index(axes[order.length + 1 + i]));
    const read = source.at(...c.b.at.map((each) => each.substitute(replacement)));
    // An index of B may hold more than the column, so it is the column that is asked.
    const isWhole = from + count * columns <= c.n.extent;
    const value = isWhole ? read : position(column).less(c.n.extent).select(read, 0);
    return { at: axes.map(index), value };
  });
}

/** Whether B depends on axes of the sum outside the tile: then no single packing serves. */
export function usesOutside(linear: Index, sumInTile: readonly Axis[], c: Contraction): boolean {
  return c.k.some((each) => !sumInTile.includes(each) && linear.factorOf(each) !== 0);
}
