/** Copies what a contraction reads of A with its edges filled, so that it reads a whole operand. */

import { type Part, scatter } from "./formula.ts";
import { index } from "./index-expression.ts";
import type { Contraction } from "./schedule-contraction.ts";
import { leavesEdges, type Operand, Value } from "./value.ts";

export interface Filled {
  readonly contraction: Contraction;
  /** What is copied, and how. */
  readonly operand: Operand;
  readonly part: Part;
}

/** The contraction over a copy of what it reads of A, from the first place to the last of each dimension; undefined where A has no edges. */
export function edgesFilled(c: Contraction): Filled | undefined {
  const { a } = c;
  if (a.fill === undefined || !a.at.some((at, i) => leavesEdges(at, a.operand.shape[i]))) return undefined;
  const ranges = a.at.map((at) => at.range());
  const operand: Operand = { shape: ranges.map(([low, high]) => high - low + 1) };
  const part = scatter(operand.shape, (...places) => ({
    at: places.map(index),
    value: new Value({ ...a, at: places.map((place, i) => index(place).plus(ranges[i][0])) }),
  }));
  const at = a.at.map((each, i) => each.plus(-ranges[i][0]));
  return { contraction: { ...c, a: { ...a, operand, at, fill: undefined } }, operand, part };
}
