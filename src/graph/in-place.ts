/** Results that take the memory of what they are computed from. */

import { type Formula, operandsOf, visit } from "../kernels/formula.ts";
import { sameIndex } from "../kernels/index-expression.ts";
import { contiguousLayout, isContiguous, linearIndex } from "../kernels/layout.ts";
import type { Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import type { FusedTensor } from "./fuse.ts";
import type { Placement } from "./placement.ts";

/** Lets a result take the memory of an operand that it reads for the last time, element by element. */
export function placeInPlace(
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
export function readsInPlace(formula: Formula, operand: Tensor, result: Tensor): boolean {
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
