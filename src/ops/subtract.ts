/** a − b, element by element, with broadcasting. */

import { over } from "../kernels/formula.ts";
import { broadcastShape } from "../tensor/broadcast.ts";
import { broadcastAt } from "./broadcast.ts";
import { defineOp, type Op } from "./operation.ts";
import { scale } from "./scale.ts";
import { unbroadcast } from "./sum.ts";

export const subtract: Op<"a" | "b"> = defineOp({
  name: "subtract",
  shape: ({ a, b }) => broadcastShape(a, b),
  value: ({ a, b }, _, shape) => [over(shape, (...i) => broadcastAt(a, i).minus(broadcastAt(b, i)))],
  gradient: ({ a, b }, dy) => ({
    a: unbroadcast(dy, a.shape),
    b: scale({ x: unbroadcast(dy, b.shape) }, { factor: -1 }),
  }),
});
