/**
 * Batch normalisation with running averages, the form of inference: one factor and one shift a channel.
 *
 *   x [.., c], mean [c], variance [c], weight [c]?, bias [c]?  →  y = x·scale + shift
 *   scale = weight / √(variance + epsilon), shift = bias − mean·scale
 *
 * Scale and shift depend on the state alone, so that a plan computes them once for many runs, and what remains follows a
 * convolution as its bias does. They are not multiplied into the filters: that would take a copy of all weights, to save one
 * of the multiply-adds that an output already costs by the hundred.
 */

import { over, scatter } from "../kernels/formula.ts";
import { sum as sumOver, value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { type BatchNormAttributes, deviation, requireChannels } from "./batch-normalize.ts";
import { multiply } from "./multiply.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op, type OptionalInputs, type Tensor } from "./operation.ts";
import { row } from "./row.ts";

export function batchNormInference(
  {
    x,
    mean,
    variance,
    weight,
    bias,
  }: OptionalInputs<"weight" | "bias"> & Readonly<Record<"x" | "mean" | "variance", Tensor>>,
  attributes: BatchNormAttributes = {},
): Tensor {
  const scale = runningScale({ variance, weight }, attributes);
  return scaleShift({ x, scale, shift: runningShift({ mean, scale, bias }, {}) }, {});
}

/** weight / √(variance + epsilon) */
const runningScale: Op<"variance" | "weight", BatchNormAttributes> = defineOp({
  name: "batchNormScale",
  shape({ variance, weight }, { epsilon = 1e-5 }) {
    if (!(epsilon > 0)) throw new OptionError(`epsilon is ${epsilon}, but must be above 0.`, { epsilon });
    if (variance.length !== 1)
      throw new ShapeError(`variance ${formatShape(variance)} must be [c], one number for each channel.`, {
        variance,
      });
    requireChannels("weight", weight, variance[0]);
    return variance;
  },
  value: ({ variance, weight }, { epsilon = 1e-5 }, shape) => [
    over(shape, (c) => (weight?.at(c) ?? value(1)).over(deviation(variance.at(c), epsilon))),
  ],
  gradient: ({ variance, weight }, dy, attributes, scale) => ({
    variance: runningVarianceGradient({ variance, scale, dy }, attributes),
    ...(weight === undefined
      ? {}
      : { weight: multiply({ a: dy, b: runningScale({ variance, weight: undefined }, attributes) }, {}) }),
  }),
});

/** dVariance = −dScale·scale / (2·(variance + epsilon)) */
const runningVarianceGradient: Op<"variance" | "scale" | "dy", BatchNormAttributes> = defineOp({
  name: "batchNormVarianceGradient",
  shape: ({ variance }) => variance,
  value: ({ variance, scale, dy }, { epsilon = 1e-5 }, shape) => [
    over(shape, (c) => dy.at(c).times(scale.at(c)).times(-0.5).over(variance.at(c).plus(epsilon))),
  ],
  gradient: neverAgain("batchNormVarianceGradient"),
});

/** bias − mean·scale */
const runningShift: Op<"mean" | "scale" | "bias"> = defineOp({
  name: "batchNormShift",
  shape({ mean, scale, bias }) {
    if (!sameShape(mean, scale))
      throw new ShapeError(`mean ${formatShape(mean)} and variance ${formatShape(scale)} must both be [c].`, {
        mean,
      });
    requireChannels("bias", bias, scale[0]);
    return scale;
  },
  value: ({ mean, scale, bias }, _, shape) => [
    over(shape, (c) => (bias?.at(c) ?? value(0)).minus(mean.at(c).times(scale.at(c)))),
  ],
  gradient: ({ mean, scale, bias }, dy) => {
    const negated = negate({ x: dy }, {});
    return {
      mean: multiply({ a: negated, b: scale }, {}),
      scale: multiply({ a: negated, b: mean }, {}),
      ...(bias === undefined ? {} : { bias: dy }),
    };
  },
});

const negate: Op<"x"> = defineOp({
  name: "negate",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i).negate())],
  gradient: (_, dy) => ({ x: negate({ x: dy }, {}) }),
});

const scaleShift: Op<"x" | "scale" | "shift"> = defineOp({
  name: "batchNormalize",
  shape({ x, scale }) {
    if (x[x.length - 1] !== scale[0])
      throw new ShapeError(
        `x ${formatShape(x)} has ${x[x.length - 1]} channels, but mean and variance are ${formatShape(scale)}.`,
        { x, scale },
      );
    return x;
  },
  value: ({ x, scale, shift }, _, shape) => [
    over(shape, (...i) => {
      const c = i[i.length - 1];
      return x
        .at(...i)
        .times(scale.at(c))
        .plus(shift.at(c));
    }),
  ],
  gradient({ x, scale }, dy) {
    const sums = scaleShiftSums({ x, dy }, {});
    return {
      x: multiply({ a: dy, b: scale }, {}),
      scale: row({ x: sums }, { row: 1 }),
      shift: row({ x: sums }, { row: 0 }),
    };
  },
});

/** Σ dy in row 0, Σ dy·x in row 1. */
const scaleShiftSums: Op<"x" | "dy"> = defineOp({
  name: "batchNormSums",
  shape: ({ x }) => [2, x[x.length - 1]],
  value({ x, dy }, _, [, channels]) {
    const outer = x.shape.slice(0, -1);
    return [
      scatter([channels], (c) => ({ at: [0, c], value: sumOver(outer, (...i) => dy.at(...i, c)) })),
      scatter([channels], (c) => ({
        at: [1, c],
        value: sumOver(outer, (...i) => dy.at(...i, c).times(x.at(...i, c))),
      })),
    ];
  },
  gradient: neverAgain("batchNormSums"),
});
