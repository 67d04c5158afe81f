/** Reading a tensor that broadcasts. */

import type { Axis } from "../kernels/index-expression.ts";
import type { Source, Value } from "../kernels/value.ts";

/** The element of `source` that broadcasting puts at place `at` of the output. */
export function broadcastAt(source: Source, at: readonly Axis[]): Value {
  const missing = at.length - source.shape.length;
  return source.at(...source.shape.map((extent, axis) => (extent === 1 ? 0 : at[axis + missing])));
}
