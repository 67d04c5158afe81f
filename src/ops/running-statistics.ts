/**
 * Running averages of batch moments, for the inference form of batch normalisation.
 *
 *   running [c], moments [2, c]  →  (1 − momentum)·running + momentum·moments[row]
 */

import { over } from "../kernels/formula.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";

export interface RunningStatisticsAttributes {
  /**
   * Share of the new batch, in PyTorch's convention: its default 0.1 is what Keras and TensorFlow call 0.9, and the 0.99
   * of Keras is 0.01 here.
   */
  readonly momentum: number;
  /** Which row of the moments: 0 for the mean, 1 for the variance. */
  readonly row: 0 | 1;
  /**
   * Elements m that each moment was taken over: the variance is then multiplied by m / (m − 1), as PyTorch does for the
   * running variance. Absent: taken as it is, as Keras does.
   */
  readonly unbiased?: number;
}

export const runningStatistics: Op<"running" | "moments", RunningStatisticsAttributes> = defineOp({
  name: "runningStatistics",
  shape({ running, moments }, { momentum, unbiased }) {
    if (running.length !== 1 || !sameShape(moments, [2, running[0]]))
      throw new ShapeError(
        `running ${formatShape(running)} and moments ${formatShape(moments)} must be [c] and [2, c].`,
        { running, moments },
      );
    if (!(momentum >= 0 && momentum <= 1))
      throw new OptionError(`momentum is ${momentum}, but must be from 0 to 1.`, { momentum });
    if (unbiased !== undefined && !(unbiased > 1))
      throw new ShapeError(
        `the variance of ${unbiased} value per channel is not defined without bias. Give a larger batch or image.`,
        { unbiased },
      );
    return running;
  },
  value: ({ running, moments }, { momentum, row, unbiased }, shape) => [
    over(shape, (c) => {
      const correction = unbiased === undefined ? 1 : unbiased / (unbiased - 1);
      const old = running.at(c).times(1 - momentum);
      return old.plus(moments.at(row, c).times(momentum * correction));
    }),
  ],
});
