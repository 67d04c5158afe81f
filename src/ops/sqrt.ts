/** The square root, for x ≥ 0. */

import { over } from "../kernels/formula.ts";
import { divide } from "./divide.ts";
import { defineOp, type Op } from "./operation.ts";
import { scale } from "./scale.ts";

export const sqrt: Op<"x"> = defineOp({
  name: "sqrt",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).sqrt())],
  gradient: (_inputs, dy, _attributes, y) => ({
    x: divide({ a: scale({ x: dy }, { factor: 0.5 }), b: y }, {}),
  }),
});
