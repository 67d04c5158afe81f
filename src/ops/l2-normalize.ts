/** Each row divided by its length: x / max(√Σ x², epsilon) over the last axis, [.., c] → [.., c]. */

import { over } from "../kernels/formula.ts";
import { sum as sumOver } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { multiply } from "./multiply.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { sum } from "./sum.ts";

export interface L2NormalizeAttributes {
  /** Least length to divide by. Default 1e-12, as in PyTorch. */
  readonly epsilon?: number;
}

export function l2Normalize({ x }: { readonly x: Tensor }, attributes: L2NormalizeAttributes = {}): Tensor {
  return divideByLength({ x, length: rowLength({ x }, attributes) }, attributes);
}

/** √Σ x² of each row, [.., c] → [.., 1]. */
const rowLength: Op<"x", L2NormalizeAttributes> = defineOp({
  name: "rowLength",
  shape({ x }, { epsilon = 1e-12 }) {
    if (x.length === 0) throw new ShapeError("x has no axes, but its last is the one to run along.");
    if (!(epsilon > 0)) throw new OptionError(`epsilon is ${epsilon}, but must be above 0.`, { epsilon });
    return [...x.slice(0, -1), 1];
  },
  value: ({ x }, _, shape) => [
    over(shape, (...i) =>
      sumOver([x.shape[x.shape.length - 1]], (c) => {
        const each = x.at(...i.slice(0, -1), c);
        return each.times(each);
      }).sqrt(),
    ),
  ],
  gradient: neverAgain("rowLength"),
});

/** `length` is a function of x, so dx accounts for it. */
const divideByLength: Op<"x" | "length", L2NormalizeAttributes> = defineOp({
  name: "l2Normalize",
  shape: ({ x }) => x,
  value: ({ x, length }, { epsilon = 1e-12 }, shape) => [
    over(shape, (...i) => x.at(...i).over(length.at(...i.slice(0, -1), 0).max(epsilon))),
  ],
  gradient({ length }, dy, attributes, y) {
    const product = sum({ x: multiply({ a: dy, b: y }, {}) }, { axes: [dy.shape.length - 1] });
    const along = reshape({ x: product }, { shape: length.shape });
    return { x: l2NormalizeGradient({ y, dy, length, along }, attributes) };
  },
});

/** dx = (dy − y·Σ dy·y) / length, and dy / epsilon where the length is below epsilon. */
const l2NormalizeGradient: Op<"y" | "dy" | "length" | "along", L2NormalizeAttributes> = defineOp({
  name: "l2NormalizeGradient",
  shape: ({ dy }) => dy,
  value: ({ y, dy, length, along }, { epsilon = 1e-12 }, shape) => [
    over(shape, (...i) => {
      const row = [...i.slice(0, -1), 0];
      const projected = dy.at(...i).minus(y.at(...i).times(along.at(...row)));
      return length
        .at(...row)
        .less(epsilon)
        .select(dy.at(...i).times(1 / epsilon), projected.over(length.at(...row)));
    }),
  ],
  gradient: neverAgain("l2NormalizeGradient"),
});
