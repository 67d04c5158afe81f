/** e^x. */

import { over } from "../kernels/formula.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op } from "./operation.ts";

export const exp: Op<"x"> = defineOp({
  name: "exp",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).exp())],
  gradient: (_inputs, dy, _attributes, y) => ({ x: multiply({ a: dy, b: y }, {}) }),
});
