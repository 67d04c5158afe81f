/** factor·x + offset, for two constants. */

import { over } from "../kernels/formula.ts";
import { defineOp, type Op } from "./operation.ts";

export interface ScaleAttributes {
  readonly factor: number;
  /** Default 0. */
  readonly offset?: number;
}

export const scale: Op<"x", ScaleAttributes> = defineOp({
  name: "scale",
  shape: ({ x }) => x,
  value: ({ x }, { factor, offset = 0 }, shape) => [
    over(shape, (...i) =>
      x
        .at(...i)
        .times(factor)
        .plus(offset),
    ),
  ],
  gradient: (_, dy, { factor }) => ({ x: scale({ x: dy }, { factor }) }),
});
