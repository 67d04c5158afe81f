/**
 * The plan: what an engine runs. A list of steps, each a formula over tensors whose places in memory are fixed; the same
 * for all engines.
 */

import { type Formula, operandsOf, visit } from "../kernels/formula.ts";
import { sameIndex } from "../kernels/index-expression.ts";
import { contiguousLayout, isContiguous, type Layout, linearIndex } from "../kernels/layout.ts";
import type { Operand } from "../kernels/value.ts";
import type { Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import { allocate } from "./allocate.ts";
import { describe } from "./describe.ts";
import { type FusedTensor, fuse } from "./fuse.ts";
import { orderOf } from "./order.ts";
import { Placement, type Update } from "./placement.ts";
import { memories, type Plan, type Step } from "./planned.ts";
import type { StateLayout } from "./state-layout.ts";

export interface PlanRequest {
  /** Tensors that the caller can read after a run, by name: outputs, losses, taps. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** New values for lasting tensors; they take effect at the end of the run. */
  readonly updates?: readonly Update[];
  readonly state: StateLayout;
}

/** Plans the computation of all outputs and updates. */
export function plan({ outputs, updates = [], state }: PlanRequest): Plan {
  const results = [...Object.values(outputs), ...updates.map((update) => update.value)];
  const order = orderOf(results).sort((a, b) => a.id - b.id);
  const placement = new Placement(order, updates, new Set(results));
  const assembled = order.filter((tensor) => placement.isAssembled(tensor));
  const kept = new Set([...results, ...assembled]);
  const groups = fuse(order, kept, (tensor) => placement.isView(tensor));
  const kernels = groups
    .map((group) => withoutMissing(group, placement))
    .filter((group) => group.formula.length > 0);

  refuseLateReads(kernels, updates);
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

/** Multiply-adds of the operation that computes a tensor. */
export function macsOf({ node, shape }: Tensor): number {
  if (node?.operation.cost === undefined) return 0;
  const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, input]) => [name, input.shape]));
  return node.operation.cost(shapes, shape, node.attributes).macs;
}

/** An assembled tensor copies only what its producers could not write in place. */
function withoutMissing(group: FusedTensor, placement: Placement): FusedTensor {
  if (!placement.isAssembled(group.tensor)) return group;
  const missing = new Set(placement.missing(group.tensor));
  return { ...group, formula: group.formula.filter((_, i) => missing.has(i)) };
}

/** New values take the place of the old ones as soon as they are computed, so no later step may want the old. */
function refuseLateReads(kernels: readonly FusedTensor[], updates: readonly Update[]): void {
  for (const { target, value } of updates) {
    const written = kernels.findIndex(({ tensor }) => tensor === value);
    const late = kernels.find(({ formula }, step) => step > written && operandsOf(formula).includes(target));
    if (written >= 0 && late !== undefined)
      throw new Error(`${late.tensor.name} reads ${target.name} after its update: make the update later`);
  }
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

/** Lets a result take the memory of an operand that it reads for the last time, element by element. */
function placeInPlace(
  kernels: readonly FusedTensor[],
  lifetimes: Map<Tensor, { elements: number; from: number; to: number }>,
  kept: ReadonlySet<Tensor>,
  placement: Placement,
): Map<number, Tensor> {
  const done = new Map<number, Tensor>();
  for (const [step, { tensor, formula }] of kernels.entries()) {
    if (!placement.isAlone(tensor)) continue;
    for (const operand of operandsOf(formula) as Tensor[]) {
      const root = placement.rootOf(operand);
      const life = lifetimes.get(root);
      const own = lifetimes.get(tensor);
      if (life === undefined || own === undefined || life.to !== step || root === tensor) continue;
      if (operand.role !== "computed" || kept.has(operand)) continue;
      // Chains of results in the same place are fine; a root that holds or lies in other live tensors is not.
      if (root !== operand && !isChainOfReuse(operand, root, placement)) continue;
      if (root === operand && !placement.isAlone(operand)) continue;
      if (root.shape.length === 0 || size(root.shape) !== size(tensor.shape)) continue;
      if (!readsInPlace(formula, operand, tensor)) continue;
      placement.reuse(tensor, operand);
      lifetimes.set(root, { ...life, to: Math.max(life.to, own.to) });
      lifetimes.delete(tensor);
      done.set(step, operand);
      break;
    }
  }
  return done;
}

function isChainOfReuse(operand: Tensor, root: Tensor, placement: Placement): boolean {
  return placement.isReuse(operand) && placement.rootOf(operand) === root;
}

/** Whether each element of `operand` is read only where the same element of the result is written, outside reductions. */
function readsInPlace(formula: Formula, operand: Tensor, result: Tensor): boolean {
  const [from, to] = [contiguousLayout(0, operand.shape), contiguousLayout(0, result.shape)];
  if (!isContiguous(from, operand.shape)) return false;
  return formula.every((part) => {
    const written = linearIndex(part.at, to);
    let inPlace = true;
    visit(part.value, ({ node }) => {
      if (node.kind === "read" && node.operand === operand)
        inPlace &&= node.fill === undefined && sameIndex(linearIndex(node.at, from), written);
      if (node.kind === "reduce")
        visit(node.body, (inner) => {
          if (inner.node.kind === "read" && inner.node.operand === operand) inPlace = false;
        });
    });
    return inPlace;
  });
}
