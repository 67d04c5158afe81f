/**
 * Batch normalisation: each channel brought to mean 0 and variance 1, then scaled and shifted.
 *
 *   x [.., c], moments [2, c], weight [c]?, bias [c]?  →  y = (x − mean) / √(variance + epsilon) · weight + bias
 *
 * Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
 * 2015, arXiv:1502.03167, Algorithm 1. `batchNormalize` is the form of training, with moments of the batch;
 * `batchNormInference` in batch-norm-inference.ts is the form of inference.
 */

import { over, scatter } from "../kernels/formula.ts";
import { type Source, sum as sumOver, type Value, value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, size } from "../tensor/shape.ts";
import { areMomentsOf } from "./batch-moments.ts";
import { multiply } from "./multiply.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op, type OptionalInputs, type Tensor } from "./operation.ts";
import { row } from "./row.ts";

export interface BatchNormAttributes {
  /** Added to the variance before its root is taken. Default 1e-5, as in PyTorch; Keras takes 1e-3. */
  readonly epsilon?: number;
}

/** The form of training; `moments` is what `batchMoments` gives. */
export function batchNormalize(
  {
    x,
    moments,
    weight,
    bias,
  }: OptionalInputs<"weight" | "bias"> & { readonly x: Tensor; readonly moments: Tensor },
  attributes: BatchNormAttributes = {},
): Tensor {
  const scale = momentsScale({ moments, weight }, attributes);
  return normalize({ x, moments, weight, bias, scale }, attributes);
}

/** weight / √(variance + epsilon): once a channel, not once an element. */
const momentsScale: Op<"moments" | "weight", BatchNormAttributes> = defineOp({
  name: "batchNormScale",
  shape({ moments, weight }, { epsilon = 1e-5 }) {
    if (!(epsilon > 0)) throw new OptionError(`epsilon is ${epsilon}, but must be above 0.`, { epsilon });
    if (moments.length !== 2 || moments[0] !== 2)
      throw new ShapeError(
        `moments ${formatShape(moments)} must be [2, c], mean and variance of each channel.`,
        {
          moments,
        },
      );
    requireChannels("weight", weight, moments[1]);
    return [moments[1]];
  },
  value: ({ moments, weight }, { epsilon = 1e-5 }, shape) => [
    over(shape, (c) => (weight?.at(c) ?? value(1)).over(deviation(moments.at(1, c), epsilon))),
  ],
});

/** `scale` is a function of moments and weight, so the gradients of those account for it. */
const normalize: Op<"x" | "moments" | "weight" | "bias" | "scale", BatchNormAttributes> = defineOp({
  name: "batchNormalize",
  shape({ x, moments, bias }) {
    if (x[x.length - 1] !== moments[1])
      throw new ShapeError(
        `x ${formatShape(x)} has ${x[x.length - 1]} channels, but moments are ${formatShape(moments)}.`,
        { x, moments },
      );
    requireChannels("bias", bias, moments[1]);
    return x;
  },
  value: ({ x, moments, bias, scale }, _, shape) => [
    over(shape, (...i) => {
      const c = i[i.length - 1];
      // Not x·scale + (bias − mean·scale), which would cancel where the mean is large beside the deviation.
      return affine(
        x
          .at(...i)
          .minus(moments.at(0, c))
          .times(scale.at(c)),
        bias,
        c,
      );
    }),
  ],
  gradient({ x, moments, weight, bias, scale }, dy, attributes) {
    const sums = gradientSums({ x, moments, dy }, {});
    const ofAffine = {
      ...(weight === undefined ? {} : { weight: weightGradient({ sums, moments }, attributes) }),
      ...(bias === undefined ? {} : { bias: row({ x: sums }, { row: 0 }) }),
    };
    if (areMomentsOf(moments, x)) {
      // x moves its own moments: both ways into the loss in one pass, and nothing is left to flow through the moments.
      const means = gradientMeans(
        { sums, moments },
        { ...attributes, count: size(x.shape) / moments.shape[1] },
      );
      return { x: inputGradient({ x, moments, scale, dy, means }, {}), ...ofAffine };
    }
    return {
      x: multiply({ a: dy, b: scale }, {}),
      moments: momentsGradient({ sums, moments, scale }, attributes),
      ...ofAffine,
    };
  },
});

/** Σ dy in row 0, Σ dy·(x − mean) in row 1. */
export const gradientSums: Op<"x" | "moments" | "dy"> = defineOp({
  name: "batchNormSums",
  shape: ({ moments }) => moments,
  value({ x, moments, dy }, _, [, channels]) {
    const outer = x.shape.slice(0, -1);
    return [
      scatter([channels], (c) => ({ at: [0, c], value: sumOver(outer, (...i) => dy.at(...i, c)) })),
      scatter([channels], (c) => ({
        at: [1, c],
        value: sumOver(outer, (...i) => dy.at(...i, c).times(x.at(...i, c).minus(moments.at(0, c)))),
      })),
    ];
  },
  gradient: neverAgain("batchNormSums"),
});

/** dWeight = Σ dy·(x − mean) / √(variance + epsilon) */
const weightGradient: Op<"sums" | "moments", BatchNormAttributes> = defineOp({
  name: "batchNormWeightGradient",
  shape: ({ sums }) => [sums[1]],
  value: ({ sums, moments }, { epsilon = 1e-5 }, shape) => [
    over(shape, (c) => sums.at(1, c).over(deviation(moments.at(1, c), epsilon))),
  ],
  gradient: neverAgain("batchNormWeightGradient"),
});

/** Row 0: the mean of dy; row 1: what (x − mean) is multiplied by to take dy's part along it. */
const gradientMeans: Op<"sums" | "moments", BatchNormAttributes & { readonly count: number }> = defineOp({
  name: "batchNormMeans",
  shape: ({ sums }) => sums,
  value: ({ sums, moments }, { epsilon = 1e-5, count }, [, channels]) => [
    scatter([channels], (c) => ({ at: [0, c], value: sums.at(0, c).times(1 / count) })),
    scatter([channels], (c) => ({
      at: [1, c],
      value: sums
        .at(1, c)
        .times(1 / count)
        .over(moments.at(1, c).plus(epsilon)),
    })),
  ],
  gradient: neverAgain("batchNormMeans"),
});

/** dx = scale · (dy − mean of dy − (x − mean)·Σ dy·(x − mean) / (m·(variance + epsilon))) */
const inputGradient: Op<"x" | "moments" | "scale" | "dy" | "means"> = defineOp({
  name: "batchNormalizeGradient",
  shape: ({ x }) => x,
  value: ({ x, moments, scale, dy, means }, _, shape) => [
    over(shape, (...i) => {
      const c = i[i.length - 1];
      const along = x
        .at(...i)
        .minus(moments.at(0, c))
        .times(means.at(1, c));
      return dy
        .at(...i)
        .minus(means.at(0, c))
        .minus(along)
        .times(scale.at(c));
    }),
  ],
  gradient: neverAgain("batchNormalizeGradient"),
});

/** dMean = −scale·Σ dy; dVariance = −scale·Σ dy·(x − mean) / (2·(variance + epsilon)) */
const momentsGradient: Op<"sums" | "moments" | "scale", BatchNormAttributes> = defineOp({
  name: "batchNormMomentsGradient",
  shape: ({ moments }) => moments,
  value: ({ sums, moments, scale }, { epsilon = 1e-5 }, [, channels]) => [
    scatter([channels], (c) => ({ at: [0, c], value: sums.at(0, c).times(scale.at(c)).negate() })),
    scatter([channels], (c) => ({
      at: [1, c],
      value: sums.at(1, c).times(scale.at(c)).times(-0.5).over(moments.at(1, c).plus(epsilon)),
    })),
  ],
  gradient: neverAgain("batchNormMomentsGradient"),
});

export function deviation(variance: Value, epsilon: number): Value {
  return variance.plus(epsilon).sqrt();
}

function affine(scaled: Value, bias: Source | undefined, c: Parameters<Source["at"]>[0]): Value {
  return bias === undefined ? scaled : scaled.plus(bias.at(c));
}

export function requireChannels(name: string, vector: Shape | undefined, channels: number): void {
  if (vector !== undefined && (vector.length !== 1 || vector[0] !== channels))
    throw new ShapeError(
      `${name} ${formatShape(vector)} must be [${channels}], one number for each channel.`,
      {
        [name]: vector,
        channels,
      },
    );
}
