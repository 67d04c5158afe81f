/**
 * Zeroes each element with a probability and divides the others by 1 − probability, so that the expectation stays.
 * Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
 *
 * The mask is a function of the run's seed and step, of `stream` and of the element's position: the backward pass
 * computes it again, nothing is stored. `channelDropout` decides once for each channel of each image (Tompson et al.,
 * "Efficient Object Localization Using Convolutional Networks", 2014, section 3.2: SpatialDropout), `imageDropout` once for
 * each image, `batchDropout` once for all: what stochastic depth does to a block (Huang et al., "Deep Networks with Stochastic
 * Depth", 2016, section 3).
 */

import { over } from "../kernels/formula.ts";
import { type Axis, type Index, index } from "../kernels/index-expression.ts";
import { random, scalar, value } from "../kernels/value.ts";
import { OptionError } from "../tensor/errors.ts";
import { contiguousStrides, type Shape } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import { defineOp, type Op } from "./operation.ts";

export interface DropoutAttributes {
  /** Of being zeroed, in [0, 1). */
  readonly probability: number;
  /** A number of its own for each dropout of a model. */
  readonly stream: number;
  /** Whether what stays is divided by 1 − probability. Default true. */
  readonly rescale?: boolean;
  /**
   * Steps over which the probability grows linearly from 0: Zoph et al., "Learning Transferable Architectures for Scalable Image
   * Recognition", 2017 (ScheduledDropPath). Default 0, the same at every step.
   */
  readonly ramp?: number;
}

export const dropout: Op<"x", DropoutAttributes> = defineMask("dropout", (at, shape) => {
  const strides = contiguousStrides(shape);
  return at.reduce((total, each, axis) => total.plus(index(each).times(strides[axis])), index(0));
});

export const channelDropout: Op<"x", DropoutAttributes> = defineMask(
  "channelDropout",
  ([n, , , c], shape) => {
    return index(n).times(shape[3]).plus(c);
  },
);

export const imageDropout: Op<"x", DropoutAttributes> = defineMask("imageDropout", ([n]) => index(n));

export const batchDropout: Op<"x", DropoutAttributes> = defineMask("batchDropout", () => index(0));

function defineMask(
  name: "dropout" | "channelDropout" | "imageDropout" | "batchDropout",
  counter: (at: readonly Axis[], shape: Shape) => Index,
): Op<"x", DropoutAttributes> {
  const op: Op<"x", DropoutAttributes> = defineOp({
    name,
    shape({ x }, { probability, stream, ramp = 0 }) {
      if (name === "channelDropout") requireImages(x);
      if (!(probability >= 0 && probability < 1))
        throw new OptionError(`probability is ${probability}, but must be at least 0 and below 1.`, {
          probability,
        });
      if (!Number.isInteger(stream))
        throw new OptionError(`stream is ${stream}, but must be a whole number.`, { stream });
      if (!Number.isInteger(ramp) || ramp < 0)
        throw new OptionError(`ramp is ${ramp}, but must be a whole number of at least 0.`, { ramp });
      return x;
    },
    value: ({ x }, { probability, stream, rescale = true, ramp = 0 }, shape) => [
      over(shape, (...i) => {
        const now =
          ramp === 0
            ? value(probability)
            : scalar("step")
                .times(1 / ramp)
                .min(1)
                .times(probability);
        const kept = ramp === 0 ? value(1 / (1 - probability)) : value(1).over(value(1).minus(now));
        return random(stream, counter(i, shape))
          .less(now)
          .select(0, rescale ? x.at(...i).times(kept) : x.at(...i));
      }),
    ],
    gradient: (_, dy, attributes) => ({ x: op({ x: dy }, attributes) }),
  });
  return op;
}
