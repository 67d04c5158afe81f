/**
 * Training in less memory: results of the forward pass are dropped once it is through with them, and computed again where the
 * backward pass wants them. Same formulas in the same kernels, so the same bits.
 *
 * Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv:1604.06174.
 */

import { visit } from "../kernels/formula.ts";
import { remake, type Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import { type Arrangement, arrange } from "./arrange.ts";
import { blockEnds } from "./block-ends.ts";
import type { FusedTensor } from "./fuse.ts";
import { orderOf } from "./order.ts";
import type { Update } from "./placement.ts";

/**
 * What is computed again: "activations", what follows convolutions element by element, such as batch normalisation and ReLU: one
 * more pass over memory each; "blocks", all that lies between the ends of some blocks: one more forward pass.
 */
export const recomputations = ["none", "activations", "blocks"] as const;
export type Recomputation = (typeof recomputations)[number];

interface Results {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates: readonly Update[];
}

/** The same results, computed in less memory. All tensors made after `loss` are taken for the backward pass. */
export function recomputing({ outputs, updates }: Results, loss: Tensor, what: Recomputation): Results {
  if (what === "none") return { outputs, updates };
  const arranged = arrange(outputs, updates);
  const stored = new Set(arranged.kernels.map(({ tensor }) => tensor));
  const forward: Forward = {
    ...arranged,
    loss,
    kernels: arranged.kernels.filter(({ tensor }) => tensor.id <= loss.id),
    memoryOf: memories(arranged, stored),
  };
  const dropped = what === "activations" ? droppedActivations(forward) : droppedBlocks(forward);
  for (const result of arranged.results) dropped.delete(result);

  const isKept = (tensor: Tensor): boolean => {
    if (tensor.node === undefined) return true;
    if (stored.has(tensor)) return !dropped.has(tensor);
    return arranged.placement.isView(tensor) && forward.memoryOf(tensor).every((each) => !dropped.has(each));
  };
  const moved = new Map<Tensor, Tensor>();
  const current = (tensor: Tensor) => moved.get(tensor) ?? tensor;
  for (const tensor of arranged.order) {
    if (tensor.node === undefined || tensor.id <= loss.id) continue;
    // What is computed again is made here, right before its first use, and so planned there.
    const missing = missingFor(tensor, (each) => moved.has(each) || isKept(each));
    for (const each of missing) moved.set(each, { ...remake(each, current), again: each });
    moved.set(tensor, remake(tensor, current));
  }
  // Results of the forward pass itself stay as they are.
  const result = (tensor: Tensor) => (tensor.id <= loss.id ? tensor : current(tensor));
  return {
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, result(tensor)])),
    updates: updates.map(({ target, value }) => ({ target, value: result(value) })),
  };
}

/** What a tensor is computed from, directly or not, and `isThere` does not have, in ascending order of ids. */
function missingFor(tensor: Tensor, isThere: (tensor: Tensor) => boolean): Tensor[] {
  const missing = new Set<Tensor>();
  const look = [tensor];
  for (let top = look.pop(); top !== undefined; top = look.pop())
    for (const input of Object.values(top.node?.inputs ?? {}))
      if (!missing.has(input) && !isThere(input)) {
        missing.add(input);
        look.push(input);
      }
  return [...missing].sort((a, b) => a.id - b.id);
}

interface Forward extends Arrangement {
  readonly loss: Tensor;
  /** Kernels of the forward pass alone. */
  readonly kernels: readonly FusedTensor[];
  /** The results of kernels that hold a tensor's elements; none for inputs and for what is inside a kernel. */
  readonly memoryOf: (tensor: Tensor) => readonly Tensor[];
}

/** Results of kernels without sums, whose operands the backward pass wants anyway or that are dropped themselves. */
function droppedActivations(forward: Forward): Set<Tensor> {
  const { kernels, order, loss } = forward;
  const isSummary = summaries(order);
  const wanted = new Set(
    order
      .filter(({ id }) => id > loss.id)
      .flatMap(({ node }) => Object.values(node?.inputs ?? {}))
      .flatMap(forward.memoryOf),
  );
  const dropped = new Set<Tensor>();
  for (const { tensor, formula, chain } of kernels) {
    if (isSummary.has(tensor) || !wanted.has(tensor)) continue;
    let sums = false;
    for (const part of formula) visit(part.value, ({ node }) => (sums ||= node.kind === "reduce"));
    const inChain = new Set(chain);
    const operands = chain
      .flatMap(({ node }) => Object.values(node?.inputs ?? {}))
      .filter((each) => !inChain.has(each) && !isSummary.has(each))
      .flatMap(forward.memoryOf);
    if (!sums && operands.every((each) => wanted.has(each))) dropped.add(tensor);
  }
  return dropped;
}

/** All results but the small ones, the ends of some blocks, and what comes after the last of these. */
function droppedBlocks(forward: Forward): Set<Tensor> {
  const isSummary = summaries(forward.order);
  const large = forward.kernels.map(({ tensor }) => tensor).filter((tensor) => !isSummary.has(tensor));
  const path = orderOf([forward.loss])
    .filter((tensor) => tensor.role === "computed" && !isSummary.has(tensor))
    .sort((a, b) => a.id - b.id);
  const ends = blockEnds(path, forward.memoryOf, large);
  const last = Math.max(-1, ...ends.map(({ id }) => id));
  const kept = new Set(ends.flatMap(forward.memoryOf));
  return new Set(large.filter((tensor) => tensor.id < last && !kept.has(tensor)));
}

/** Finds the results of kernels that hold a tensor's elements; a concatenation asks for all its pieces again and again. */
function memories({ placement }: Arrangement, stored: ReadonlySet<Tensor>): Forward["memoryOf"] {
  const known = new Map<Tensor, readonly Tensor[]>();
  const memoryOf = (tensor: Tensor): readonly Tensor[] => {
    if (stored.has(tensor)) return [tensor];
    if (tensor.node === undefined || !placement.isView(tensor)) return [];
    const before = known.get(tensor);
    if (before !== undefined) return before;
    const found = Object.values(tensor.node.inputs).flatMap(memoryOf);
    known.set(tensor, found);
    return found;
  };
  return memoryOf;
}

/** Sums over images, moments, parameters and the like: not worth the time to compute them again. */
function summaries(order: readonly Tensor[]): Set<Tensor> {
  const found = new Set<Tensor>();
  for (const tensor of order) {
    const inputs = Object.values(tensor.node?.inputs ?? {});
    const largest = Math.max(0, ...inputs.map(({ shape }) => size(shape)));
    if (tensor.role === "parameter" || tensor.role === "state") found.add(tensor);
    else if (
      tensor.role === "computed" &&
      (8 * size(tensor.shape) <= largest || inputs.every((each) => found.has(each)))
    )
      found.add(tensor);
  }
  return found;
}
