/** Checks and copies what a caller gives a program to run on. */

import type { Plan } from "../graph/planned.ts";
import type { Layout } from "../kernels/layout.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, size } from "../tensor/shape.ts";

/** Copies each input of the plan to its place in work memory. Throws a ShapeError that names what is missing or too long. */
export function feed(
  plan: Plan,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  put: (layout: Layout, values: ArrayLike<number>) => void,
): void {
  for (const [name, tensor] of Object.entries(plan.inputs)) {
    const values = inputs[name];
    const layout = plan.layouts.get(tensor);
    if (values?.length !== size(tensor.shape) || layout === undefined) {
      const came = values === undefined ? "nothing came" : `${values.length} came`;
      throw new ShapeError(
        `input ${name} ${formatShape(tensor.shape)} takes ${size(tensor.shape)} numbers, but ${came}. ` +
          `This program has the inputs ${Object.keys(plan.inputs).join(", ")}.`,
        { input: name, shape: tensor.shape },
      );
    }
    put(layout, values);
  }
}

/** The outputs of a plan, each by `take`. */
export function collect<T>(plan: Plan, take: (layout: Layout, elements: number) => T): Record<string, T> {
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, tensor]) => {
      const layout = plan.layouts.get(tensor);
      if (layout === undefined) throw new Error(`output ${name} has no place in memory`);
      return [name, take(layout, size(tensor.shape))];
    }),
  );
}
