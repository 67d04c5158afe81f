/** Copies what a contraction reads of A with its edges filled, so that it reads a whole operand. */

import { scatter } from "./formula.ts";
import { index } from "./index-expression.ts";
import type { CopiedRead, Read } from "./schedule-contraction.ts";
import { type Operand, Value } from "./value.ts";

/** A copy from the first place that is read to the last of each dimension; undefined where nothing is read beyond the edges. */
export function edgesFilled(a: Read): CopiedRead | undefined {
  if (a.fill === undefined) return undefined;
  const ranges = a.at.map((at) => at.range());
  const operand: Operand = { shape: ranges.map(([low, high]) => high - low + 1) };
  const part = scatter(operand.shape, (...places) => ({
    at: places.map(index),
    value: new Value({ ...a, at: places.map((place, i) => index(place).plus(ranges[i][0])) }),
  }));
  const at = a.at.map((each, i) => each.plus(-ranges[i][0]));
  return { read: { ...a, operand, at, fill: undefined }, operand, part };
}
