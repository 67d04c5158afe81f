/**
 * Steps that depend on lasting tensors alone, such as the factor and shift of a batch normalisation at inference: what they
 * compute holds until the state changes, so an engine runs them once and leaves them out of the runs after that.
 */

import { operandsOf, visit } from "../kernels/formula.ts";
import type { Tensor } from "../ops/operation.ts";
import type { FusedTensor } from "./fuse.ts";
import type { Placement } from "./placement.ts";

/** The kernels that can be run before all others and seldom, and the roots of what they write. */
export function preparationOf(
  kernels: readonly FusedTensor[],
  order: readonly Tensor[],
  placement: Placement,
): { steps: Set<FusedTensor>; roots: Set<Tensor> } {
  const lasting = lastingTensors(kernels, order);
  const steps = new Set(kernels.filter(({ tensor }) => lasting.has(tensor)));
  // A kernel that writes into memory which others fill at each run, or reads from such memory, is one of those.
  for (;;) {
    const changing = new Set(kernels.filter((each) => !steps.has(each)).map((each) => rootOf(each.tensor)));
    for (const tensor of order) if (tensor.role === "input") changing.add(rootOf(tensor));
    const late = [...steps].filter(
      ({ tensor, formula }) =>
        changing.has(rootOf(tensor)) ||
        operandsOf(formula).some((operand) => changing.has(rootOf(operand as Tensor))),
    );
    if (late.length === 0) break;
    for (const each of late) steps.delete(each);
  }
  return { steps, roots: new Set([...steps].map(({ tensor }) => rootOf(tensor))) };

  function rootOf(tensor: Tensor): Tensor {
    return placement.rootOf(tensor);
  }
}

/** The tensors that change only with the state: no input, random number or scalar of the run goes into them. */
function lastingTensors(kernels: readonly FusedTensor[], order: readonly Tensor[]): Set<Tensor> {
  const formulas = new Map(kernels.map(({ tensor, formula }) => [tensor, formula]));
  const lasting = new Set<Tensor>();
  for (const tensor of order) {
    if (tensor.role === "input") continue;
    let isLasting = Object.values(tensor.node?.inputs ?? {}).every((each) => lasting.has(each));
    for (const part of (isLasting && formulas.get(tensor)) || [])
      visit(part.value, ({ node }) => {
        if (node.kind === "random" || node.kind === "scalar") isLasting = false;
      });
    if (isLasting) lasting.add(tensor);
  }
  return lasting;
}
