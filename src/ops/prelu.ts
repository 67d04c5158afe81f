/**
 * x where x > 0, weight·x elsewhere: a leaky rectifier whose slope is learned, one for each channel or one for all.
 *
 *   x [.., c], weight [c] or [1]  →  y [.., c]
 *
 * He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, section 2.1.
 */

import { over } from "../kernels/formula.ts";
import type { IndexLike } from "../kernels/index-expression.ts";
import { type Source, sum as sumOver, type Value } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op } from "./operation.ts";

export const prelu: Op<"x" | "weight"> = defineOp({
  name: "prelu",
  shape({ x, weight }) {
    const channels = x[x.length - 1];
    if (weight.length !== 1 || (weight[0] !== channels && weight[0] !== 1))
      throw new ShapeError(
        `weight ${formatShape(weight)} must be [${channels}], a slope for each channel of x ${formatShape(x)}, or [1].`,
        { x, weight },
      );
    return x;
  },
  value: ({ x, weight }, _, shape) => [
    over(shape, (...i) => {
      const each = x.at(...i);
      return each.lessOrEqual(0).select(each.times(slope(weight, i)), each);
    }),
  ],
  gradient: ({ x, weight }, dy) => ({
    x: preluGradient({ x, weight, dy }, {}),
    weight: preluWeightGradient({ x, weight, dy }, {}),
  }),
});

/** dy where x > 0, weight·dy elsewhere. */
const preluGradient: Op<"x" | "weight" | "dy"> = defineOp({
  name: "preluGradient",
  shape: ({ x }) => x,
  value: ({ x, weight, dy }, _, shape) => [
    over(shape, (...i) => {
      const each = dy.at(...i);
      return x
        .at(...i)
        .lessOrEqual(0)
        .select(each.times(slope(weight, i)), each);
    }),
  ],
  gradient: neverAgain("preluGradient"),
});

/** Σ x·dy over the places of a channel where x ≤ 0; over all channels for a single slope. */
const preluWeightGradient: Op<"x" | "weight" | "dy"> = defineOp({
  name: "preluWeightGradient",
  shape: ({ weight }) => weight,
  value({ x, dy }, _, shape) {
    const rank = x.shape.length;
    const isShared = shape[0] === 1;
    return [
      over(shape, (k) =>
        sumOver(isShared ? x.shape : x.shape.slice(0, rank - 1), (...i) => {
          const at = isShared ? i : [...i, k];
          return x
            .at(...at)
            .lessOrEqual(0)
            .select(x.at(...at).times(dy.at(...at)), 0);
        }),
      ),
    ];
  },
  gradient: neverAgain("preluWeightGradient"),
});

function slope(weight: Source, at: readonly IndexLike[]): Value {
  return weight.at(weight.shape[0] === 1 ? 0 : at[at.length - 1]);
}
