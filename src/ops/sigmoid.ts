/** The logistic function 1 / (1 + e^−x). Its gradient is dy·y·(1 − y), so that x need not be kept. */

import { over } from "../kernels/formula.ts";
import { value } from "../kernels/value.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op } from "./operation.ts";
import { scale } from "./scale.ts";

export const sigmoid: Op<"x"> = defineOp({
  name: "sigmoid",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).sigmoid())],
  gradient: (_inputs, dy, _attributes, y) => ({ x: sigmoidGradient({ y, dy }, {}) }),
});

export const sigmoidGradient: Op<"y" | "dy"> = defineOp({
  name: "sigmoidGradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy }, _, shape) => [
    over(shape, (...i) =>
      dy
        .at(...i)
        .times(y.at(...i))
        .times(value(1).minus(y.at(...i))),
    ),
  ],
  gradient: ({ y, dy }, ddx) => ({
    y: multiply({ a: multiply({ a: ddx, b: dy }, {}), b: scale({ x: y }, { factor: -2, offset: 1 }) }, {}),
    dy: sigmoidGradient({ y, dy: ddx }, {}),
  }),
});
