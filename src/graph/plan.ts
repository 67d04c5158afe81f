/**
 * The plan: what an engine runs. A list of steps, each a formula over tensors whose places in memory are fixed; the same
 * for all engines.
 */

import { operandsOf } from "../kernels/formula.ts";
import { contiguousLayout, type Layout } from "../kernels/layout.ts";
import type { Operand } from "../kernels/value.ts";
import { macsOf, type Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import { allocate } from "./allocate.ts";
import { describe } from "./describe.ts";
import { type FusedTensor, fuse } from "./fuse.ts";
import { placeInPlace } from "./in-place.ts";
import { orderOf } from "./order.ts";
import { Placement, type Update } from "./placement.ts";
import { memories, type Plan, type Step } from "./planned.ts";
import type { StateLayout } from "./state-layout.ts";
import { copied, lacksKernel, sourcesOf, unsafeUpdates } from "./updates.ts";

export interface PlanRequest {
  /** Tensors that the caller can read after a run, by name: outputs, losses, taps. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** New values for lasting tensors; they take effect at the end of the run. */
  readonly updates?: readonly Update[];
  readonly state: StateLayout;
}

/** Plans the computation of all outputs and updates. */
export function plan({ outputs, updates: wanted = [], state }: PlanRequest): Plan {
  let updates = copied(wanted, (update, i) => lacksKernel(update, wanted.slice(0, i)));
  let arranged = arrange(outputs, updates);
  // Copies end all reads of old values but those by other copies, which may then need to be delayed themselves.
  for (let rest = wanted.length; ; rest--) {
    const unsafe = unsafeUpdates(arranged.kernels, updates, arranged.placement, state);
    if (unsafe.size === 0) break;
    if (rest < 0) throw new Error("updates that read what others write cannot be put in order");
    updates = copied(updates, (update) => unsafe.has(update));
    arranged = arrange(outputs, updates);
  }
  const { results, order, placement, kept, kernels } = arranged;
  const lifetimes = lifetimesOf(kernels, order, results, placement);
  const inPlace = placeInPlace(kernels, lifetimes, kept, placement);
  const roots = [...lifetimes.keys()];
  const { offsets, elements } = allocate(
    roots.map((root) => lifetimes.get(root) ?? { elements: 0, from: 0, to: 0 }),
  );
  const offsetOf = new Map(roots.map((root, i) => [root, offsets[i]]));
  const rootLayout = (root: Tensor): Layout =>
    root.role === "parameter" || root.role === "state"
      ? contiguousLayout(memories.state, root.shape, state.offsetOf(root))
      : contiguousLayout(memories.work, root.shape, offsetOf.get(root) ?? 0);
  const layouts = new Map<Operand, Layout>();
  for (const tensor of order) layouts.set(tensor, placement.layoutOf(tensor, rootLayout));

  const steps = kernels.map(({ tensor, formula, chain }, i): Step => {
    const target = layouts.get(tensor);
    if (target === undefined) throw new Error(`${tensor.name} has no place in memory`);
    const operations = chain.map((each) => each.node?.operation.name).join(" + ");
    return {
      name: `${chain[0].name}: ${operations}`,
      tensor,
      formula,
      target,
      macs: chain.reduce((sum, each) => sum + macsOf(each), 0),
      inPlaceOf: inPlace.get(i),
    };
  });
  const inputs = order.filter((tensor) => tensor.role === "input");
  const planned: Plan = {
    steps,
    inputs: Object.fromEntries(inputs.map((tensor) => [tensor.name, tensor])),
    outputs,
    layouts,
    state,
    workElements: elements,
    buffers: roots.map((root, i) => ({
      elements: size(root.shape),
      from: lifetimes.get(root)?.from ?? 0,
      to: lifetimes.get(root)?.to ?? 0,
      name: root.name,
      offset: offsets[i],
    })),
    describe: () => describe(planned),
  };
  return planned;
}

/** The kernels in their order, and which tensors share memory. */
function arrange(outputs: PlanRequest["outputs"], updates: readonly Update[]) {
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

/** When each root in work memory is first written and last read, in steps; inputs live from −1, results to the end. */
function lifetimesOf(
  kernels: readonly FusedTensor[],
  order: readonly Tensor[],
  results: readonly Tensor[],
  placement: Placement,
): Map<Tensor, { elements: number; from: number; to: number }> {
  const lifetimes = new Map<Tensor, { elements: number; from: number; to: number }>();
  const touch = (tensor: Tensor, step: number) => {
    const root = placement.rootOf(tensor);
    if (root.role === "parameter" || root.role === "state") return;
    const known = lifetimes.get(root);
    if (known === undefined) lifetimes.set(root, { elements: size(root.shape), from: step, to: step });
    else lifetimes.set(root, { ...known, from: Math.min(known.from, step), to: Math.max(known.to, step) });
  };
  for (const tensor of order) if (tensor.role === "input") touch(tensor, -1);
  for (const [step, { tensor, formula }] of kernels.entries()) {
    touch(tensor, step);
    for (const operand of operandsOf(formula)) touch(operand as Tensor, step);
  }
  for (const tensor of results) touch(tensor, kernels.length);
  return lifetimes;
}
