/** min(max(low, x), high). The gradient flows where low ≤ x ≤ high, as in PyTorch. */

import { over } from "../kernels/formula.ts";
import { value } from "../kernels/value.ts";
import { OptionError } from "../tensor/errors.ts";
import { defineOp, type Op } from "./operation.ts";

export interface ClipAttributes {
  readonly low: number;
  readonly high: number;
}

export const clip: Op<"x", ClipAttributes> = defineOp({
  name: "clip",
  shape({ x }, { low, high }) {
    if (!(low <= high))
      throw new OptionError(`low is ${low}, but must be at most high, ${high}.`, { low, high });
    return x;
  },
  value: ({ x }, { low, high }, shape) => [
    over(shape, (...i) =>
      x
        .at(...i)
        .max(low)
        .min(high),
    ),
  ],
  gradient: ({ x }, dy, attributes) => ({ x: clipGradient({ x, dy }, attributes) }),
});

export const clipGradient: Op<"x" | "dy", ClipAttributes> = defineOp({
  name: "clipGradient",
  shape: ({ dy }) => dy,
  value: ({ x, dy }, { low, high }, shape) => [
    over(shape, (...i) => {
      const notAbove = value(high)
        .less(x.at(...i))
        .select(0, dy.at(...i));
      return x
        .at(...i)
        .less(low)
        .select(0, notAbove);
    }),
  ],
  gradient: ({ x }, ddx, attributes) => ({ dy: clipGradient({ x, dy: ddx }, attributes) }),
});
