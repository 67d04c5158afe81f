/** What of a plan's tensors holds until the state changes, so that what is made of it alone need not be made at every run. */

import { memories, type Plan } from "../graph/planned.ts";
import type { Operand } from "../kernels/value.ts";

export function constantsOf({ changesState, layouts }: Plan): ReadonlySet<Operand> {
  if (changesState) return new Set();
  const lasts = (buffer: number) => buffer === memories.state || buffer === memories.prepared;
  return new Set([...layouts].flatMap(([operand, { buffer }]) => (lasts(buffer) ? [operand] : [])));
}
