/** The kernels of a graph in their order, and which tensors share memory: a plan without places. */

import type { Tensor } from "../ops/operation.ts";
import { type FusedTensor, fuse } from "./fuse.ts";
import { orderOf } from "./order.ts";
import { Placement, type Update } from "./placement.ts";
import { sourcesOf } from "./updates.ts";

export interface Arrangement {
  /** What is read after a run: outputs and new values of lasting tensors. */
  readonly results: readonly Tensor[];
  /** All tensors, inputs and parameters included, in ascending order of their ids. */
  readonly order: readonly Tensor[];
  readonly placement: Placement;
  /** Tensors that have memory whatever follows them. */
  readonly kept: ReadonlySet<Tensor>;
  readonly kernels: readonly FusedTensor[];
}

export function arrange(outputs: Readonly<Record<string, Tensor>>, updates: readonly Update[]): Arrangement {
  const results = [...Object.values(outputs), ...updates.map((update) => update.value)];
  const order = orderOf(results).sort((a, b) => a.id - b.id);
  const placement = new Placement(order, updates, new Set(results));
  const assembled = order.filter((tensor) => placement.isAssembled(tensor));
  const pieces = assembled.flatMap(({ node }) => Object.values(node?.inputs ?? {}));
  const kept = new Set([...results, ...assembled, ...pieces, ...sourcesOf(updates)]);
  const groups = fuse(order, kept, (tensor) => placement.isView(tensor));
  const kernels = groups
    .map((group) => withoutMissing(group, placement))
    .filter((group) => group.formula.length > 0);
  return { results, order, placement, kept, kernels };
}

/** An assembled tensor copies only what its producers could not write in place. */
function withoutMissing(group: FusedTensor, placement: Placement): FusedTensor {
  if (!placement.isAssembled(group.tensor)) return group;
  const missing = new Set(placement.missing(group.tensor));
  return { ...group, formula: group.formula.filter((_, i) => missing.has(i)) };
}
