/**
 * Mean and variance of each channel over all that is not a channel.
 *
 *   x [.., c]  →  y [2, c];  row 0 is the mean, row 1 the biased variance Σ (x − mean)² / m
 *
 * One pass over x: with K the first pixel, S₁ = Σ (x − K) and S₂ = Σ (x − K)², the mean is K + S₁/m and the variance
 * S₂/m − (S₁/m)². Shifting by any value of the data keeps the difference from cancelling where the mean is large beside
 * the deviation: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983, section 3.
 */

import { over, scatter } from "../kernels/formula.ts";
import type { Axis } from "../kernels/index-expression.ts";
import { type Source, sum } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, size } from "../tensor/shape.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";

/** S₁ in row 0, S₂ in row 1. */
const shiftedSums: Op<"x"> = defineOp({
  name: "shiftedSums",
  shape({ x }) {
    if (x.length < 2)
      throw new ShapeError(`x ${formatShape(x)} must have a batch axis and a last axis of channels.`, { x });
    return [2, x[x.length - 1]];
  },
  value: ({ x }, _, [, channels]) =>
    [1, 2].map((power, row) =>
      scatter([channels], (c) => ({
        at: [row, c],
        value: sum(x.shape.slice(0, -1), (...i) => {
          const shifted = x.at(...i, c).minus(firstPixel(x, c));
          return power === 1 ? shifted : shifted.times(shifted);
        }),
      })),
    ),
  gradient: neverAgain("shiftedSums"),
});

const momentsOfSums: Op<"x" | "sums"> = defineOp({
  name: "batchMoments",
  shape: ({ sums }) => sums,
  value({ x, sums }, _, [, channels]) {
    const perElement = channels / size(x.shape);
    return [
      scatter([channels], (c) => ({
        at: [0, c],
        value: firstPixel(x, c).plus(sums.at(0, c).times(perElement)),
      })),
      scatter([channels], (c) => {
        const offset = sums.at(0, c).times(perElement);
        // Rounding may leave less than nothing of a variance of 0.
        return { at: [1, c], value: sums.at(1, c).times(perElement).minus(offset.times(offset)).max(0) };
      }),
    ];
  },
  // The sums are a function of x, so dx accounts for them.
  gradient: ({ x }, dy, _, y) => ({ x: batchMomentsGradient({ x, moments: y, dy }, {}) }),
});

export function batchMoments({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  return momentsOfSums({ x, sums: shiftedSums({ x }, {}) }, {});
}

/** Whether `moments` are those that `batchMoments` takes from x. */
export function areMomentsOf(moments: Tensor, x: Tensor): boolean {
  return moments.node?.operation === momentsOfSums.operation && moments.node.inputs.x === x;
}

/** dx = (dMean + 2·dVariance·(x − mean)) / m */
const batchMomentsGradient: Op<"x" | "moments" | "dy"> = defineOp({
  name: "batchMomentsGradient",
  shape: ({ x }) => x,
  value({ x, moments, dy }, _, shape) {
    const perElement = shape[shape.length - 1] / size(shape);
    return [
      over(shape, (...i) => {
        const c = i[i.length - 1];
        const centred = x.at(...i).minus(moments.at(0, c));
        return dy.at(0, c).plus(dy.at(1, c).times(2).times(centred)).times(perElement);
      }),
    ];
  },
  gradient: neverAgain("batchMomentsGradient"),
});

function firstPixel(x: Source, c: Axis) {
  return x.at(...x.shape.slice(0, -1).map(() => 0), c);
}
