/** a + b, element by element, with broadcasting. */

import { over } from "../kernels/formula.ts";
import { broadcastShape } from "../tensor/broadcast.ts";
import { broadcastAt } from "./broadcast.ts";
import { defineOp, type Op } from "./operation.ts";
import { unbroadcast } from "./sum.ts";

export const add: Op<"a" | "b"> = defineOp({
  name: "add",
  shape: ({ a, b }) => broadcastShape(a, b),
  value: ({ a, b }, _, shape) => [over(shape, (...i) => broadcastAt(a, i).plus(broadcastAt(b, i)))],
  gradient: ({ a, b }, dy) => ({ a: unbroadcast(dy, a.shape), b: unbroadcast(dy, b.shape) }),
});
