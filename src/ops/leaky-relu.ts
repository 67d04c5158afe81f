/**
 * x where x > 0, slope·x elsewhere. Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic
 * Models", 2013, section 2.
 */

import { over } from "../kernels/formula.ts";
import { OptionError } from "../tensor/errors.ts";
import { defineOp, type Op } from "./operation.ts";

export interface LeakyReluAttributes {
  /** At least 0. Default 0.01, as in the paper and PyTorch; Darknet takes 0.1, Keras 0.3. */
  readonly slope?: number;
}

export const leakyRelu: Op<"x", LeakyReluAttributes> = defineOp({
  name: "leakyRelu",
  shape({ x }, { slope = 0.01 }) {
    // With a slope below 0 the sign of y would no longer tell that of x, which the gradient relies on.
    if (!(slope >= 0)) throw new OptionError(`slope is ${slope}, but must be at least 0.`, { slope });
    return x;
  },
  value: ({ x }, { slope = 0.01 }, shape) => [
    over(shape, (...i) =>
      x
        .at(...i)
        .lessOrEqual(0)
        .select(x.at(...i).times(slope), x.at(...i)),
    ),
  ],
  gradient: (_inputs, dy, attributes, y) => ({ x: leakyReluGradient({ y, dy }, attributes) }),
});

export const leakyReluGradient: Op<"y" | "dy", LeakyReluAttributes> = defineOp({
  name: "leakyReluGradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy }, { slope = 0.01 }, shape) => [
    over(shape, (...i) =>
      y
        .at(...i)
        .lessOrEqual(0)
        .select(dy.at(...i).times(slope), dy.at(...i)),
    ),
  ],
  gradient: ({ y }, ddx, attributes) => ({ dy: leakyReluGradient({ y, dy: ddx }, attributes) }),
});
