/** Where a forward pass can be cut: tensors that all the rest is computed from. */

import type { Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";

/**
 * The ends of blocks that are worth keeping when what lies between them is computed again: those for which the kept tensors and
 * the largest block together are smallest. Blocks are filled up to a budget, for a range of budgets (Chen et al., 2016,
 * Algorithm 3).
 *
 * `path` are the tensors on the way to the loss in ascending order of ids; `memoryOf` gives the results of kernels in whose memory one
 * lies; `stored` are those results, in the same order.
 */
export function blockEnds(
  path: readonly Tensor[],
  memoryOf: (tensor: Tensor) => readonly Tensor[],
  stored: readonly Tensor[],
): Tensor[] {
  const candidates = cuts(path).filter((tensor) => memoryOf(tensor).length > 0);
  const total = stored.reduce((sum, { shape }) => sum + size(shape), 0);
  let best: { ends: Tensor[]; elements: number } = { ends: [], elements: total };
  for (let budget = total; budget >= total / 256; budget *= 0.9) {
    const tried = filled(candidates, memoryOf, stored, budget);
    if (tried.elements < best.elements) best = tried;
  }
  return best.ends;
}

/** Tensors of the path after which no earlier one is read. */
function cuts(path: readonly Tensor[]): Tensor[] {
  const lastUse = new Map<Tensor, number>();
  const places = new Map(path.map((tensor, i) => [tensor, i]));
  for (const [i, { node }] of path.entries())
    for (const input of Object.values(node?.inputs ?? {})) if (places.has(input)) lastUse.set(input, i);
  const found: Tensor[] = [];
  let open = -1;
  for (const [i, tensor] of path.entries()) {
    if (open <= i) found.push(tensor);
    open = Math.max(open, lastUse.get(tensor) ?? i);
  }
  return found;
}

/** Blocks as long as the budget lets them be, and the elements that this takes: all ends and the largest block. */
function filled(
  candidates: readonly Tensor[],
  memoryOf: (tensor: Tensor) => readonly Tensor[],
  stored: readonly Tensor[],
  budget: number,
): { ends: Tensor[]; elements: number } {
  const ends: Tensor[] = [];
  const kept = new Set<Tensor>();
  let [keptElements, largest, at] = [0, 0, 0];
  let before: Tensor | undefined;
  /** Elements of the block so far, without what is kept. */
  const block = new Map<Tensor, number>();
  const sum = () => [...block.values()].reduce((a, b) => a + b, 0);
  const close = (end: Tensor) => {
    ends.push(end);
    for (const each of memoryOf(end)) {
      if (!kept.has(each)) keptElements += size(each.shape);
      kept.add(each);
      block.delete(each);
    }
  };
  for (const candidate of candidates) {
    const next: Tensor[] = [];
    for (; at < stored.length && stored[at].id <= candidate.id; at++) next.push(stored[at]);
    const added = next.reduce((total, { shape }) => total + size(shape), 0);
    if (before !== undefined && block.size > 0 && sum() + added > budget) {
      close(before);
      largest = Math.max(largest, sum());
      block.clear();
    }
    for (const each of next) block.set(each, size(each.shape));
    before = candidate;
  }
  for (; at < stored.length; at++) block.set(stored[at], size(stored[at].shape));
  return { ends, elements: keptElements + Math.max(largest, sum()) };
}
