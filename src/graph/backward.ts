/** The backward pass: gradients as more tensors of the same graph, made of the same operations. */

import { add } from "../ops/add.ts";
import { fill } from "../ops/fill.ts";
import type { Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, sameShape, size } from "../tensor/shape.ts";
import { orderOf } from "./order.ts";

/**
 * Gradients of `loss`, a tensor of one number, with respect to each of `wrt`: parameters, inputs or any tensor between.
 * Where the loss does not depend on a tensor, its gradient is undefined.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): (Tensor | undefined)[] {
  if (size(loss.shape) !== 1)
    throw new ShapeError(
      `gradients at ${loss.name}: the loss has shape ${formatShape(loss.shape)}, but must be one number. Take its sum or mean.`,
    );
  const order = orderOf([loss]);
  const needed = dependents(order, new Set(wrt));
  const gradientOf = new Map<Tensor, Tensor>();
  if (needed.has(loss)) gradientOf.set(loss, fill({}, { shape: loss.shape, value: 1 }));
  for (const tensor of order.toReversed()) {
    const dy = gradientOf.get(tensor);
    if (dy === undefined || tensor.node === undefined) continue;
    const { operation, inputs, attributes } = tensor.node;
    if (!Object.values(inputs).some((each) => needed.has(each))) continue;
    const flowing = within("backward", () =>
      within(tensor.name, () => operation.gradient?.(inputs, dy, attributes, tensor) ?? {}),
    );
    for (const [name, gradient] of Object.entries(flowing) as [string, Tensor | undefined][]) {
      const into = inputs[name];
      if (gradient === undefined || into === undefined || !needed.has(into)) continue;
      if (!sameShape(gradient.shape, into.shape))
        throw new ShapeError(
          `${operation.name}: the gradient of ${name} ${formatShape(into.shape)} has shape ${formatShape(gradient.shape)}`,
        );
      const before = gradientOf.get(into);
      gradientOf.set(
        into,
        before === undefined ? gradient : within("backward", () => add({ a: gradient, b: before }, {})),
      );
    }
  }
  return wrt.map((tensor) => gradientOf.get(tensor));
}

/** The tensors of `order` that depend on one of `sources`, those included: only these need a gradient. */
function dependents(order: readonly Tensor[], sources: ReadonlySet<Tensor>): Set<Tensor> {
  const result = new Set<Tensor>();
  for (const tensor of order) {
    const inputs = Object.values(tensor.node?.inputs ?? {});
    if (sources.has(tensor) || inputs.some((each) => result.has(each))) result.add(tensor);
  }
  return result;
}
