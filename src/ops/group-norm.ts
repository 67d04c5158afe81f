/**
 * Group normalisation: the channels of each group of each image brought to mean 0 and variance 1 together, then each
 * channel scaled and shifted. One group is layer normalisation over the image, c groups are instance normalisation.
 *
 *   x [n, h, w, c], weight [c]?, bias [c]?  →  y = (x − mean) / √(variance + epsilon) · weight + bias
 *
 * Wu and He, "Group Normalization", 2018, arXiv:1803.08494.
 *
 * All passes over the image have channels as their last axis; what belongs to a group is summed and spread out again on
 * tensors of [n, groups] and [n, c] numbers.
 */

import { over, type Part, scatter } from "../kernels/formula.ts";
import { type Axis, type IndexLike, index } from "../kernels/index-expression.ts";
import { type Source, sum as sumOver, type Value, value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, size } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op, type OptionalInputs, type Tensor } from "./operation.ts";
import { row } from "./row.ts";

export interface GroupNormAttributes {
  /** Into how many parts the channels are split. */
  readonly groups: number;
  /** Added to the variance before its root is taken. Default 1e-5. */
  readonly epsilon?: number;
}

export function groupNorm(
  { x, weight, bias }: OptionalInputs<"weight" | "bias"> & { readonly x: Tensor },
  attributes: GroupNormAttributes,
): Tensor {
  const moments = groupMoments({ x, sums: shiftedSums({ x }, attributes) }, attributes);
  const coefficients = spread({ x, moments, weight }, attributes);
  return normalize({ x, weight, bias, moments, coefficients }, attributes);
}

/** Σ (x − K) and Σ (x − K)² over each image's channel, [2, n, c]; K as in batchMoments, here the group's first element. */
const shiftedSums: Op<"x", GroupNormAttributes> = defineOp({
  name: "groupNormShiftedSums",
  shape({ x }, { groups, epsilon = 1e-5 }) {
    requireImages(x);
    if (!Number.isInteger(groups) || groups < 1 || x[3] % groups !== 0)
      throw new ShapeError(
        `groups is ${groups}, but must be whole and divide the ${x[3]} channels of x ${formatShape(x)}.`,
        { x, groups },
      );
    if (!(epsilon > 0)) throw new OptionError(`epsilon is ${epsilon}, but must be above 0.`, { epsilon });
    return [2, x[0], x[3]];
  },
  value: ({ x }, { groups }, [, n, c]) =>
    [1, 2].map((power, at) =>
      perChannel(at, n, c, groups, (ni, g, channel) =>
        sumOver([x.shape[1], x.shape[2]], (h, w) => {
          const shifted = x.at(ni, h, w, channel).minus(firstOf(x, ni, g, groups));
          return power === 1 ? shifted : shifted.times(shifted);
        }),
      ),
    ),
  gradient: neverAgain("groupNormShiftedSums"),
});

/** Mean and biased variance of each group, [2, n, groups]. */
const groupMoments: Op<"x" | "sums", GroupNormAttributes> = defineOp({
  name: "groupMoments",
  shape: ({ x }, { groups }) => [2, x[0], groups],
  value({ x, sums }, { groups }, [, n]) {
    const c = x.shape[3];
    const perElement = (n * groups) / size(x.shape);
    const mean = (at: 0 | 1, ni: Axis, g: Axis) => sumOfGroup(sums, at, ni, g, c / groups).times(perElement);
    return [
      scatter([n, groups], (ni, g) => ({
        at: [0, ni, g],
        value: mean(0, ni, g).plus(firstOf(x, ni, g, groups)),
      })),
      scatter([n, groups], (ni, g) => {
        const variance = mean(1, ni, g).minus(mean(0, ni, g).times(mean(0, ni, g)));
        return { at: [1, ni, g], value: variance.max(0) };
      }),
    ];
  },
  gradient: neverAgain("groupMoments"),
});

/** For each channel of each image the mean, row 0, and weight / √(variance + epsilon), row 1: [2, n, c]. */
const spread: Op<"x" | "moments" | "weight", GroupNormAttributes> = defineOp({
  name: "groupNormCoefficients",
  shape({ x, weight }) {
    requireChannels("weight", weight, x[3]);
    return [2, x[0], x[3]];
  },
  value: ({ moments, weight }, { groups, epsilon = 1e-5 }, [, n, c]) => [
    perChannel(0, n, c, groups, (ni, g) => moments.at(0, ni, g)),
    perChannel(1, n, c, groups, (ni, g, channel) =>
      (weight?.at(channel) ?? value(1)).times(inverseDeviation(moments, ni, g, epsilon)),
    ),
  ],
  gradient: neverAgain("groupNormCoefficients"),
});

/** `moments` and `coefficients` are functions of x and weight, so the gradients of those account for them. */
const normalize: Op<"x" | "weight" | "bias" | "moments" | "coefficients", GroupNormAttributes> = defineOp({
  name: "groupNorm",
  shape({ x, bias }) {
    requireChannels("bias", bias, x[3]);
    return x;
  },
  value: ({ x, bias, coefficients }, _, shape) => [
    over(shape, (n, h, w, c) => {
      const scaled = x
        .at(n, h, w, c)
        .minus(coefficients.at(0, n, c))
        .times(coefficients.at(1, n, c));
      return bias === undefined ? scaled : scaled.plus(bias.at(c));
    }),
  ],
  gradient({ x, weight, bias, moments, coefficients }, dy, attributes) {
    const sums = gradientSums({ x, dy, coefficients }, {});
    const means = gradientMeans({ x, sums, moments, weight }, attributes);
    const projections = spreadMeans({ x, means }, attributes);
    const affine = affineGradients({ sums, moments }, attributes);
    return {
      x: inputGradient({ x, dy, coefficients, projections }, {}),
      ...(weight === undefined ? {} : { weight: row({ x: affine }, { row: 1 }) }),
      ...(bias === undefined ? {} : { bias: row({ x: affine }, { row: 0 }) }),
    };
  },
});

/** Σ dy and Σ dy·(x − mean) over each image's channel, [2, n, c]. */
const gradientSums: Op<"x" | "dy" | "coefficients"> = defineOp({
  name: "groupNormSums",
  shape: ({ coefficients }) => coefficients,
  value({ x, dy, coefficients }, _, [, n, c]) {
    const image = [x.shape[1], x.shape[2]];
    return [
      scatter([n, c], (ni, ci) => ({
        at: [0, ni, ci],
        value: sumOver(image, (h, w) => dy.at(ni, h, w, ci)),
      })),
      scatter([n, c], (ni, ci) => ({
        at: [1, ni, ci],
        value: sumOver(image, (h, w) =>
          dy.at(ni, h, w, ci).times(x.at(ni, h, w, ci).minus(coefficients.at(0, ni, ci))),
        ),
      })),
    ];
  },
  gradient: neverAgain("groupNormSums"),
});

/** With m elements a group and d² = variance + epsilon: Σ weight·dy / (m·d) and Σ weight·dy·(x − mean) / (m·d³), [2, n, groups]. */
const gradientMeans: Op<"x" | "sums" | "moments" | "weight", GroupNormAttributes> = defineOp({
  name: "groupNormMeans",
  shape: ({ moments }) => moments,
  value({ x, sums, moments, weight }, { groups, epsilon = 1e-5 }, [, n]) {
    const perGroup = x.shape[3] / groups;
    const perElement = (n * groups) / size(x.shape);
    const mean = (at: 0 | 1, ni: Axis, g: Axis) =>
      sumOfGroup(sums, at, ni, g, perGroup, weight)
        .times(perElement)
        .times(inverseDeviation(moments, ni, g, epsilon));
    return [
      scatter([n, groups], (ni, g) => ({ at: [0, ni, g], value: mean(0, ni, g) })),
      scatter([n, groups], (ni, g) => ({
        at: [1, ni, g],
        value: mean(1, ni, g).over(moments.at(1, ni, g).plus(epsilon)),
      })),
    ];
  },
  gradient: neverAgain("groupNormMeans"),
});

/** What belongs to groups, repeated for each of their channels: [2, n, groups] → [2, n, c]. */
const spreadMeans: Op<"x" | "means", GroupNormAttributes> = defineOp({
  name: "groupNormProjections",
  shape: ({ x }) => [2, x[0], x[3]],
  value: ({ means }, { groups }, [, n, c]) =>
    [0, 1].map((at) => perChannel(at, n, c, groups, (ni, g) => means.at(at, ni, g))),
  gradient: neverAgain("groupNormProjections"),
});

/** dBias = Σ dy in row 0, dWeight = Σ dy·(x − mean) / √(variance + epsilon) in row 1: [2, c]. */
const affineGradients: Op<"sums" | "moments", GroupNormAttributes> = defineOp({
  name: "groupNormAffineGradients",
  shape: ({ sums }) => [2, sums[2]],
  value({ sums, moments }, { groups, epsilon = 1e-5 }, [, c]) {
    const [, n] = sums.shape;
    return [
      scatter([c], (ci) => ({ at: [0, ci], value: sumOver([n], (ni) => sums.at(0, ni, ci)) })),
      scatter([groups, c / groups], (g, k) => {
        const channel = index(g)
          .times(c / groups)
          .plus(k);
        return {
          at: [1, channel],
          value: sumOver([n], (ni) =>
            sums.at(1, ni, channel).times(inverseDeviation(moments, ni, g, epsilon)),
          ),
        };
      }),
    ];
  },
  gradient: neverAgain("groupNormAffineGradients"),
});

/** dx = scale·dy − projection on 1 − (x − mean)·projection on (x − mean) */
const inputGradient: Op<"x" | "dy" | "coefficients" | "projections"> = defineOp({
  name: "groupNormGradient",
  shape: ({ x }) => x,
  value: ({ x, dy, coefficients, projections }, _, shape) => [
    over(shape, (n, h, w, c) => {
      const centred = x.at(n, h, w, c).minus(coefficients.at(0, n, c));
      return dy
        .at(n, h, w, c)
        .times(coefficients.at(1, n, c))
        .minus(projections.at(0, n, c))
        .minus(centred.times(projections.at(1, n, c)));
    }),
  ],
  gradient: neverAgain("groupNormGradient"),
});

/** The part of a [2, n, c] formula for one row, group by group. */
function perChannel(
  at: number,
  n: number,
  c: number,
  groups: number,
  valueAt: (n: Axis, g: Axis, channel: IndexLike) => Value,
): Part {
  return scatter([n, groups, c / groups], (ni, g, k) => {
    const channel = index(g)
      .times(c / groups)
      .plus(k);
    return { at: [at, ni, channel], value: valueAt(ni, g, channel) };
  });
}

function sumOfGroup(sums: Source, at: 0 | 1, n: Axis, g: Axis, perGroup: number, weight?: Source): Value {
  return sumOver([perGroup], (k) => {
    const channel = index(g).times(perGroup).plus(k);
    const each = sums.at(at, n, channel);
    return weight === undefined ? each : each.times(weight.at(channel));
  });
}

function inverseDeviation(moments: Source, n: Axis, g: Axis, epsilon: number): Value {
  return moments.at(1, n, g).plus(epsilon).sqrt().reciprocal();
}

function firstOf(x: Source, n: Axis, g: Axis, groups: number): Value {
  return x.at(n, 0, 0, index(g).times(x.shape[3] / groups));
}

function requireChannels(name: string, vector: Shape | undefined, channels: number): void {
  if (vector !== undefined && (vector.length !== 1 || vector[0] !== channels))
    throw new ShapeError(
      `${name} ${formatShape(vector)} must be [${channels}], one number for each channel.`,
      {
        [name]: vector,
        channels,
      },
    );
}
