/**
 * The plan: what an engine runs. A list of steps, each a formula over tensors whose places in memory are fixed; the same
 * for all engines.
 */

import { operandsOf } from "../kernels/formula.ts";
import { contiguousLayout, type Layout } from "../kernels/layout.ts";
import type { Operand } from "../kernels/value.ts";
import { macsOf, type Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import { allocate, type Lifetime } from "./allocate.ts";
import { arrange } from "./arrange.ts";
import { describe } from "./describe.ts";
import type { FusedTensor } from "./fuse.ts";
import { placeInPlace } from "./in-place.ts";
import type { Placement, Update } from "./placement.ts";
import { memories, type Plan, type Step } from "./planned.ts";
import { preparationOf } from "./preparation.ts";
import type { StateLayout } from "./state-layout.ts";
import { copied, lacksKernel, unsafeUpdates } from "./updates.ts";

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
  const { results, order, placement, kept } = arranged;
  const preparation =
    updates.length > 0
      ? { steps: new Set(), roots: new Set() }
      : preparationOf(arranged.kernels, order, placement);
  const kernels = [
    ...arranged.kernels.filter((each) => preparation.steps.has(each)),
    ...arranged.kernels.filter((each) => !preparation.steps.has(each)),
  ];
  const lifetimes = lifetimesOf(kernels, order, results, placement);
  // Nothing may take the place of what the next run still wants.
  for (const [root, life] of lifetimes)
    if (preparation.roots.has(root)) lifetimes.set(root, { ...life, from: 0, to: kernels.length });
  const inPlace = placeInPlace(kernels, lifetimes, kept, placement);
  const roots = [...lifetimes.keys()];
  const work = allocated(
    roots.filter((root) => !preparation.roots.has(root)),
    lifetimes,
  );
  const prepared = allocated(
    roots.filter((root) => preparation.roots.has(root)),
    lifetimes,
  );
  const rootLayout = (root: Tensor): Layout => {
    if (root.role === "parameter" || root.role === "state")
      return contiguousLayout(memories.state, root.shape, state.offsetOf(root));
    const [memory, { offsets }] = preparation.roots.has(root)
      ? [memories.prepared, prepared]
      : [memories.work, work];
    return contiguousLayout(memory, root.shape, offsets.get(root) ?? 0);
  };
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
    preparation: preparation.steps.size,
    changesState: updates.length > 0,
    workElements: work.elements,
    preparedElements: prepared.elements,
    buffers: [...work.offsets].map(([root, offset]) => ({
      elements: size(root.shape),
      from: lifetimes.get(root)?.from ?? 0,
      to: lifetimes.get(root)?.to ?? 0,
      name: root.name,
      offset,
    })),
    describe: () => describe(planned),
  };
  return planned;
}

/** A place for each of these roots in a memory of their own, and its size. */
function allocated(roots: readonly Tensor[], lifetimes: ReadonlyMap<Tensor, Lifetime>) {
  const { offsets, elements } = allocate(
    roots.map((root) => lifetimes.get(root) ?? { elements: 0, from: 0, to: 0 }),
  );
  return { offsets: new Map(roots.map((root, i) => [root, offsets[i]])), elements };
}

/** When each root in work memory is first written and last read, in steps; inputs live from −1, results to the end. */
function lifetimesOf(
  kernels: readonly FusedTensor[],
  order: readonly Tensor[],
  results: readonly Tensor[],
  placement: Placement,
): Map<Tensor, Lifetime> {
  const lifetimes = new Map<Tensor, Lifetime>();
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
