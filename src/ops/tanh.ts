/** The hyperbolic tangent. Its gradient is dy·(1 − y²), so that x need not be kept. */

import { over } from "../kernels/formula.ts";
import { value } from "../kernels/value.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op } from "./operation.ts";
import { scale } from "./scale.ts";

export const tanh: Op<"x"> = defineOp({
  name: "tanh",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).tanh())],
  gradient: (_inputs, dy, _attributes, y) => ({ x: tanhGradient({ y, dy }, {}) }),
});

export const tanhGradient: Op<"y" | "dy"> = defineOp({
  name: "tanhGradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy }, _, shape) => [
    over(shape, (...i) => dy.at(...i).times(value(1).minus(y.at(...i).times(y.at(...i))))),
  ],
  gradient: ({ y, dy }, ddx) => ({
    y: scale({ x: multiply({ a: multiply({ a: ddx, b: dy }, {}), b: y }, {}) }, { factor: -2 }),
    dy: tanhGradient({ y, dy: ddx }, {}),
  }),
});
