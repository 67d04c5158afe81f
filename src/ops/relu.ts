/** The rectifier, max(0, x). Its gradient at 0 is 0, as in PyTorch. Nair and Hinton, 2010; Krizhevsky et al., 2012, section 3.1. */

import { over } from "../kernels/formula.ts";
import { defineOp, type Op } from "./operation.ts";

export const relu: Op<"x"> = defineOp({
  name: "relu",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).max(0))],
  // In terms of y, so that x need not be kept: y > 0 exactly where x > 0.
  gradient: (_inputs, dy, _attributes, y) => ({ x: reluGradient({ y, dy }, {}) }),
});

export const reluGradient: Op<"y" | "dy"> = defineOp({
  name: "reluGradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy }, _, shape) => [
    over(shape, (...i) =>
      y
        .at(...i)
        .lessOrEqual(0)
        .select(0, dy.at(...i)),
    ),
  ],
  gradient: ({ y }, ddx) => ({ dy: reluGradient({ y, dy: ddx }, {}) }),
});
