/** a / b, element by element, with broadcasting. */

import { over } from "../kernels/formula.ts";
import { broadcastShape } from "../tensor/broadcast.ts";
import { broadcastAt } from "./broadcast.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op } from "./operation.ts";
import { scale } from "./scale.ts";
import { unbroadcast } from "./sum.ts";

export const divide: Op<"a" | "b"> = defineOp({
  name: "divide",
  shape: ({ a, b }) => broadcastShape(a, b),
  value: ({ a, b }, _, shape) => [over(shape, (...i) => broadcastAt(a, i).over(broadcastAt(b, i)))],
  gradient({ a, b }, dy, _, y) {
    const da = divide({ a: dy, b }, {});
    const db = scale({ x: multiply({ a: da, b: y }, {}) }, { factor: -1 });
    return { a: unbroadcast(da, a.shape), b: unbroadcast(db, b.shape) };
  },
});
