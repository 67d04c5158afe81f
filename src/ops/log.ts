/** The natural logarithm, for x > 0. */

import { over } from "../kernels/formula.ts";
import { divide } from "./divide.ts";
import { defineOp, type Op } from "./operation.ts";

export const log: Op<"x"> = defineOp({
  name: "log",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).log())],
  gradient: ({ x }, dy) => ({ x: divide({ a: dy, b: x }, {}) }),
});
