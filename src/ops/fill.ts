/** A tensor of one number everywhere. */

import { over } from "../kernels/formula.ts";
import { value as constant } from "../kernels/value.ts";
import type { Shape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";

export const fill: Op<never, { readonly shape: Shape; readonly value: number }> = defineOp({
  name: "fill",
  shape: (_, { shape }) => shape,
  value: (_, { value }, shape) => [over(shape, () => constant(value))],
  gradient: () => ({}),
});
