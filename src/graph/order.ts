/** The order in which the tensors of a graph can be computed. */

import type { Tensor } from "../ops/operation.ts";

/** All tensors that `outputs` need, inputs and parameters included, each after those it is computed from. */
export function orderOf(outputs: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  // A stack of our own: networks of a thousand layers are deeper than the language's.
  for (const output of outputs) {
    const stack: { tensor: Tensor; entered: boolean }[] = [{ tensor: output, entered: false }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (top.entered) {
        order.push(top.tensor);
        continue;
      }
      if (seen.has(top.tensor)) continue;
      seen.add(top.tensor);
      stack.push({ tensor: top.tensor, entered: true });
      const inputs = Object.values(top.tensor.node?.inputs ?? {});
      for (const tensor of inputs.reverse()) if (!seen.has(tensor)) stack.push({ tensor, entered: false });
    }
  }
  return order;
}
