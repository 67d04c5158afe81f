/** The rectifier that stops at 6, min(max(0, x), 6): Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010. */

import { over } from "../kernels/formula.ts";
import { value } from "../kernels/value.ts";
import { defineOp, type Op } from "./operation.ts";

export const relu6: Op<"x"> = defineOp({
  name: "relu6",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [
    over(shape, (...i) =>
      x
        .at(...i)
        .max(0)
        .min(6),
    ),
  ],
  gradient: (_inputs, dy, _attributes, y) => ({ x: relu6Gradient({ y, dy }, {}) }),
});

/** dy where 0 < y < 6; 0 at both kinks, as in PyTorch. */
export const relu6Gradient: Op<"y" | "dy"> = defineOp({
  name: "relu6Gradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy }, _, shape) => [
    over(shape, (...i) => {
      const below = value(6)
        .lessOrEqual(y.at(...i))
        .select(0, dy.at(...i));
      return y
        .at(...i)
        .lessOrEqual(0)
        .select(0, below);
    }),
  ],
  gradient: ({ y }, ddx) => ({ dy: relu6Gradient({ y, dy: ddx }, {}) }),
});
