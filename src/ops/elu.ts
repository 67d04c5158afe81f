/**
 * x where x > 0, alpha·(e^x − 1) elsewhere. Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network
 * Learning by Exponential Linear Units", 2015, equation 15.
 */

import { over } from "../kernels/formula.ts";
import { OptionError } from "../tensor/errors.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op } from "./operation.ts";

export interface EluAttributes {
  /** What is approached below, negated; at least 0. Default 1. */
  readonly alpha?: number;
}

export const elu: Op<"x", EluAttributes> = defineOp({
  name: "elu",
  shape({ x }, { alpha = 1 }) {
    if (!(alpha >= 0)) throw new OptionError(`alpha is ${alpha}, but must be at least 0.`, { alpha });
    return x;
  },
  value: ({ x }, { alpha = 1 }, shape) => [
    over(shape, (...i) => {
      const below = x
        .at(...i)
        .exp()
        .minus(1)
        .times(alpha);
      return x
        .at(...i)
        .lessOrEqual(0)
        .select(below, x.at(...i));
    }),
  ],
  gradient: (_inputs, dy, attributes, y) => ({ x: eluGradient({ y, dy }, attributes) }),
});

/** dy where y > 0, dy·(y + alpha) elsewhere. */
export const eluGradient: Op<"y" | "dy", EluAttributes> = defineOp({
  name: "eluGradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy }, { alpha = 1 }, shape) => [
    over(shape, (...i) => {
      const below = y
        .at(...i)
        .plus(alpha)
        .times(dy.at(...i));
      return y
        .at(...i)
        .lessOrEqual(0)
        .select(below, dy.at(...i));
    }),
  ],
  gradient: neverAgain("eluGradient"),
});
