/**
 * Panels: columns of B, as many as a register tile has, for all steps of the sum. Packed, they lie behind one another; each step's
 * columns are one or a few vectors.
 */

import type { Axis } from "../index-expression.ts";
import { linearIndex } from "../layout.ts";
import { packingOf } from "../packing.ts";
import type { Contraction } from "../schedule-contraction.ts";
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
  const wide = groups.map((group) => ({ ...group, columns: group.vectors * lanes }));
  const { elements, copies, factorOf, steps } = packingOf(c, linear, wide, sumInTile);
  const place = isConstant ? target.kept(elements) : target.scratch(elements);
  const packing = copies.map(({ part, offset, strides }) => {
    const layout = { buffer: place.buffer, offset: place.offset + offset, strides };
    return renderNest(target, [{ part, layout }], isConstant);
  });
  const panels: Panels = {
    place,
    factorOf,
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
