/** Where each row is greatest for the first time: x [.., k] → y [..], whole numbers from 0. No gradient flows. */

import { over } from "../kernels/formula.ts";
import { argmax as firstGreatest } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import { defineOp, type Op } from "./operation.ts";

export const argmax: Op<"x"> = defineOp({
  name: "argmax",
  shape({ x }) {
    if (x.length === 0) throw new ShapeError("x has no axes, but its last is the one to look along.");
    return x.slice(0, -1);
  },
  value: ({ x }, _, shape) => [
    over(shape, (...i) => firstGreatest([x.shape[x.shape.length - 1]], (k) => x.at(...i, k))),
  ],
});
