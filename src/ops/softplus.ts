/** log(1 + e^x), the smooth rectifier, computed as max(x, 0) + log(1 + e^−|x|) so that nothing overflows. */

import { over } from "../kernels/formula.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op } from "./operation.ts";
import { sigmoid } from "./sigmoid.ts";

export const softplus: Op<"x"> = defineOp({
  name: "softplus",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [
    over(shape, (...i) => {
      const tail = x
        .at(...i)
        .abs()
        .negate()
        .exp()
        .plus(1)
        .log();
      return x
        .at(...i)
        .max(0)
        .plus(tail);
    }),
  ],
  gradient: ({ x }, dy) => ({ x: multiply({ a: dy, b: sigmoid({ x }, {}) }, {}) }),
});
