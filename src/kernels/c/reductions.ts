/** Reductions over small axes as C: loops that add up one or several values at once. */

import { visit } from "../formula.ts";
import { type Axis, extentOf, index } from "../index-expression.ts";
import type { Value } from "../value.ts";
import type { Indices } from "./indices.ts";

/** Windows of up to this many places are unrolled. */
const unrollLimit = 32;

/** Where reductions are written: `Values` at its present place. */
export interface Place {
  readonly indices: Indices;
  name(prefix: string): string;
  line(text: string): void;
  loop(axis: Axis, inside: () => void, isUnrolled: boolean): void;
  emit(value: Value): string;
  isWide(value: Value): boolean;
}

/** Writes the loops of reductions over the same axes, of so many lanes, to the present level; returns the variables that hold them. */
export function reduceTogether(
  at: Place,
  reductions: readonly Value[],
  axes: readonly Axis[],
  lanes: number,
): readonly string[] {
  const totals = reductions.map((each) => declare(at, each, axes, lanes));
  const isUnrolled = extentOf(axes) <= unrollLimit;
  const nest = ([first, ...others]: readonly Axis[]) => {
    if (first === undefined) for (const { step } of totals) step();
    else at.loop(first, () => nest(others), isUnrolled);
  };
  nest(axes);
  return totals.map(({ result }) => result);
}

/** Declares the variables of a reduction; `step` writes what is done at one place of its axes. */
function declare(
  at: Place,
  { node }: Value,
  axes: readonly Axis[],
  lanes: number,
): { step: () => void; result: string } {
  if (node.kind !== "reduce") throw new Error("no reduction");
  const type = lanes === 0 ? "real" : `v${lanes}`;
  const spread = (text: string) => (lanes === 0 ? text : `splat_${lanes}(${text})`);
  const [total, place] = [at.name("s"), at.name("s")];
  at.line(`${type} ${total} = ${spread(node.operator === "sum" ? "0.0f" : "-__builtin_inff()")};`);
  if (node.operator === "argmax") at.line(`${type} ${place} = ${spread("0.0f")};`);
  const step = () => {
    const body = at.emit(node.body);
    const term = lanes === 0 || at.isWide(node.body) ? body : `splat_${lanes}(${body})`;
    if (node.operator === "sum") at.line(`${total} += ${term};`);
    else if (node.operator === "max") at.line(`${total} = nanmax_${lanes}(${term}, ${total});`);
    else {
      let counted = index(0);
      for (const each of axes) counted = counted.times(each.extent).plus(each);
      const wins = at.name("m");
      const mask = lanes === 0 ? "int" : `i${lanes}`;
      at.line(
        `const ${mask} ${wins} = (${term} > ${total}) | ((${term} != ${term}) & (${total} == ${total}));`,
      );
      at.line(
        `${place} = select_${lanes}(${wins}, ${spread(`(real)(${at.indices.text(counted)})`)}, ${place});`,
      );
      at.line(`${total} = select_${lanes}(${wins}, ${term}, ${total});`);
    }
  };
  return { step, result: node.operator === "argmax" ? place : total };
}

/** Whether a reduction has no other inside. */
export function isFlat({ node }: Value): boolean {
  let flat = true;
  if (node.kind === "reduce")
    visit(node.body, (each) => {
      flat &&= each.node.kind !== "reduce";
    });
  return flat;
}
