/**
 * Panels: columns of B, as many as a register tile has, for all steps of the sum. Packed, they lie behind one another; each step's
 * columns are one or a few vectors.
 */

import { scatter } from "../formula.ts";
import { type Axis, extentOf, type Index, index } from "../index-expression.ts";
import { contiguousLayout, type Layout, linearIndex } from "../layout.ts";
import type { Contraction } from "../schedule-contraction.ts";
import { position, Source } from "../value.ts";
import { renderNest } from "./nest.ts";
import type { CTarget, Launch, Place } from "./target.ts";
import type { ColumnGroup, Tiling } from "./tile.ts";

/** Where columns of B lie. */
export interface Panels {
  readonly place: Place;
  /** Numbers between places of an axis, in panels of so many columns. */
  readonly factorOf: (axis: Axis, columns: number) => number;
  /** Numbers from one panel to the next, and from the first number to a group's first. */
  readonly step: (group: ColumnGroup) => number;
  readonly start: (group: ColumnGroup) => number;
}

/** B as it lies, in columns as wide as a tile. */
export function panelsInPlace(target: CTarget, { b }: Contraction, { lanes }: Tiling): Panels {
  const linear = linearIndex(b.at, target.layoutOf(b.operand));
  const { buffer } = target.layoutOf(b.operand);
  return {
    place: { buffer, offset: linear.constant },
    factorOf: (each) => linear.factorOf(each),
    step: ({ vectors }) => vectors * lanes,
    start: ({ from }) => from,
  };
}

/** B packed into panels, and the launches that do it. */
export function packedPanels(
  target: CTarget,
  c: Contraction,
  { lanes, groups }: Tiling,
  sumInTile: readonly Axis[],
  isConstant: boolean,
): { readonly panels: Panels; readonly packing: readonly Launch[] } {
  const linear = linearIndex(c.b.at, target.layoutOf(c.b.operand));
  const packing: Launch[] = [];
  const steps = extentOf(sumInTile);
  const last = groups[groups.length - 1];
  const width = last.from + last.count * last.vectors * lanes;
  const order = c.batch.filter((each) => linear.factorOf(each) !== 0);
  const batches = extentOf(order);
  const place = isConstant ? target.kept(batches * width * steps) : target.scratch(batches * width * steps);
  const source = new Source(c.b.operand);
  for (const { from, count, vectors } of groups) {
    const columns = vectors * lanes;
    const extents = [
      ...order.map((each) => each.extent),
      count,
      ...sumInTile.map((each) => each.extent),
      columns,
    ];
    const strides = [...contiguousLayout(0, extents).strides];
    // Panels of one batch lie together, group after group.
    for (let i = order.length - 1, stride = width * steps; i >= 0; i--) {
      strides[i] = stride;
      stride *= order[i].extent;
    }
    const packed: Layout = { buffer: place.buffer, offset: place.offset + from * steps, strides };
    const part = scatter(extents, (...axes) => {
      const column = index(axes[order.length])
        .times(columns)
        .plus(axes[axes.length - 1])
        .plus(from);
      const replacement = new Map<Axis, Index>([[c.n, column]]);
      for (const [i, each] of order.entries()) replacement.set(each, index(axes[i]));
      for (const [i, each] of sumInTile.entries()) replacement.set(each, index(axes[order.length + 1 + i]));
      const at = c.b.at.map((each) => each.substitute(replacement));
      // Columns beyond the last are zeros; an index of B may hold more than the column, so it is the column that is asked.
      const isWhole = from + count * columns <= c.n.extent;
      const read = isWhole
        ? source.at(...at)
        : position(column)
            .less(c.n.extent)
            .select(source.at(...at), 0);
      return { at: axes.map(index), value: read };
    });
    packing.push(renderNest(target, [{ part, layout: packed }], isConstant));
  }
  const strideOf = new Map<Axis, number>();
  let stride = 1;
  for (const each of sumInTile.toReversed()) {
    strideOf.set(each, stride);
    stride *= each.extent;
  }
  const batchStrides = new Map<Axis, number>();
  for (let i = order.length - 1, batch = width * steps; i >= 0; i--) {
    batchStrides.set(order[i], batch);
    batch *= order[i].extent;
  }
  const panels: Panels = {
    place,
    factorOf: (each, columns) => batchStrides.get(each) ?? (strideOf.get(each) ?? 0) * columns,
    step: ({ vectors }) => vectors * lanes * steps,
    start: ({ from }) => from * steps,
  };
  return { panels, packing };
}

/** Opens a loop over the panels of a group from `panelFrom` to `panelTo`, with the first column `n` of each. */
export function panelLoop({ panel, count, from, vectors }: ColumnGroup, lanes: number): string {
  return (
    `for (long panel = ${panel} > panelFrom ? ${panel} : panelFrom, last = least(panelTo, ${panel + count}); panel < last; panel++) {\n` +
    `const long n = ${from} + (panel - ${panel}) * ${vectors * lanes};`
  );
}

/** The first column of a panel; of the one behind the last, where panels end. */
export function firstColumn({ groups, lanes }: Tiling, panel: string): string {
  return groups.reduceRight((rest, { from, panel: first, count, vectors }) => {
    const here = `(${from} + (${panel} - ${first}) * ${vectors * lanes})`;
    return rest === "" ? here : `(${panel} <= ${first + count} ? ${here} : ${rest})`;
  }, "");
}
