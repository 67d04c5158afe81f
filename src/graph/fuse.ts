/**
 * Fusion: an elementwise operation moves into the formula of the one tensor it follows, so a chain such as convolution,
 * bias, addition, ReLU is one kernel and its inner values never reach memory.
 */

import { type Formula, operandsOf, type Part, substitute, visit } from "../kernels/formula.ts";
import type { Axis, Index } from "../kernels/index-expression.ts";
import type { Operand, Value } from "../kernels/value.ts";
import { formulaOf, type Tensor } from "../ops/operation.ts";

/** A tensor that gets memory, how it is computed, and whose operations its formula holds. */
export interface FusedTensor {
  readonly tensor: Tensor;
  readonly formula: Formula;
  /** The tensors whose operations are in the formula, in order; the last is `tensor`. */
  readonly chain: readonly Tensor[];
}

/**
 * Fuses the computed tensors of `order`. A tensor in `kept` gets memory whatever follows it; `isView` tells which are
 * other tensors' memory under another name and have no kernel to fuse with.
 */
export function fuse(
  order: readonly Tensor[],
  kept: ReadonlySet<Tensor>,
  isView: (tensor: Tensor) => boolean,
): FusedTensor[] {
  const users = usersOf(order);
  const groups = new Map<Tensor, FusedTensor>();
  for (const tensor of order) {
    if (tensor.node === undefined || isView(tensor)) continue;
    let group: FusedTensor = { tensor, formula: formulaOf(tensor), chain: [tensor] };
    const inside = new Set([original(tensor)]);
    const seen = new Set<Tensor>();
    for (let next = nextProducer(); next !== undefined; next = nextProducer()) {
      seen.add(next.tensor);
      const formula = follow(next, group);
      if (formula === undefined) continue;
      groups.delete(next.tensor);
      group = { tensor, formula, chain: [...next.chain, ...group.chain] };
      for (const each of next.chain) inside.add(original(each));
    }
    groups.set(tensor, group);

    /**
     * A kernel that only this one reads, in one or several places: x·sigmoid(x) reads what x is computed by twice. The latest
     * first: all others are known by the time it is computed.
     */
    function nextProducer(): FusedTensor | undefined {
      const producers = group.chain
        .flatMap(({ node }) => Object.values(node?.inputs ?? {}))
        .filter((each) => !seen.has(each) && !kept.has(each) && groups.has(each))
        .filter((each) => [...(users.get(original(each)) ?? [])].every((user) => inside.has(user)));
      const [latest] = producers.sort((a, b) => b.id - a.id);
      return latest && groups.get(latest);
    }
  }
  return inOrder([...groups.values()]);
}

/**
 * The kernels in the order of their first operations, each after those it reads: a gradient whose sum goes on into an update that
 * was asked for last is computed where the backward pass has it, while what it is made of is still in memory.
 */
function inOrder(groups: readonly FusedTensor[]): FusedTensor[] {
  const keyed = groups.map((group) => {
    // Inputs and state are there from the beginning, whenever they were made.
    const reads = (operandsOf(group.formula) as Tensor[]).filter(({ node }) => node !== undefined);
    return {
      group,
      key: Math.max(Math.min(...group.chain.map(({ id }) => id)), ...reads.map(({ id }) => id)),
    };
  });
  return keyed
    .sort((a, b) => a.key - b.key || a.group.tensor.id - b.group.tensor.id)
    .map(({ group }) => group);
}

/**
 * Who reads each tensor. One that is computed again counts as the first, on both sides: the same kernels are made of a graph
 * with and without recomputation, which then rounds in the same places.
 */
function usersOf(order: readonly Tensor[]): Map<Tensor, Set<Tensor>> {
  const users = new Map<Tensor, Set<Tensor>>();
  for (const tensor of order)
    for (const read of Object.values(tensor.node?.inputs ?? {})) {
      const known = users.get(original(read));
      if (known === undefined) users.set(original(read), new Set([original(tensor)]));
      else known.add(original(tensor));
    }
  return users;
}

function original(tensor: Tensor): Tensor {
  return tensor.again ?? tensor;
}

/** The producer's formula with the consumer's written around its value, or undefined where that would not be the same. */
function follow(producer: FusedTensor, consumer: FusedTensor): Formula | undefined {
  if (consumer.formula.length !== 1 && producer.formula.length !== 1) return undefined;
  const parts: Part[] = [];
  for (const after of consumer.formula) {
    if (!readsOnlyInPlace(after, producer.tensor)) return undefined;
    const heavy = hasReduction(after.value);
    if (heavy && producer.formula.some((part) => hasReduction(part.value))) return undefined;
    if (heavy && producer.formula.length > 1) return undefined;
    for (const before of producer.formula) {
      // Kernels of sums write rows of neighbours; a consumer that scatters would take that from them.
      if (hasReduction(before.value) && !isIdentity(after)) return undefined;
      const replacement = new Map<Axis, Index>(after.axes.map((axis, i) => [axis, before.at[i]]));
      const value = substitute(after.value, replacement, (operand) =>
        operand === producer.tensor ? before.value : undefined,
      );
      parts.push({ axes: before.axes, at: after.at.map((each) => each.substitute(replacement)), value });
    }
  }
  return parts;
}

/** Whether the part reads the operand, and only at the place that its axes name one by one. */
function readsOnlyInPlace(part: Part, operand: Operand): boolean {
  if (part.axes.length !== operand.shape.length) return false;
  let reads = 0;
  let inPlace = true;
  const inReduction = new Set<Value>();
  visit(part.value, (value) => {
    if (value.node.kind === "reduce") visit(value.node.body, (inner) => inReduction.add(inner));
  });
  visit(part.value, (value) => {
    if (value.node.kind !== "read" || value.node.operand !== operand) return;
    reads++;
    inPlace &&=
      !inReduction.has(value) &&
      value.node.at.every((each, i) => isAxisOf(each, part.axes[i], operand.shape[i]));
  });
  return reads > 0 && inPlace;
}

function isIdentity(part: Part): boolean {
  return (
    part.at.length === part.axes.length &&
    part.at.every((each, i) => isAxisOf(each, part.axes[i], part.axes[i].extent))
  );
}

function isAxisOf(at: Index, axis: Axis, extent: number): boolean {
  if (axis.extent !== extent) return false;
  return extent === 1 ? at.terms.length === 0 && at.constant === 0 : at.is(axis);
}

function hasReduction(value: Value): boolean {
  let found = false;
  visit(value, ({ node }) => {
    found ||= node.kind === "reduce";
  });
  return found;
}
