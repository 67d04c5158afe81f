/**
 * A fully connected layer: each row of x times the weight, plus a bias.
 *
 *   x [n, c], weight [c, k], bias [k]?  →  y [n, k]
 */

import { over } from "../kernels/formula.ts";
import { sum } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { matmul } from "./matmul.ts";
import { defineOp, type Op } from "./operation.ts";
import { sum as sumOp } from "./sum.ts";

export const linear: Op<"x" | "weight" | "bias"> = defineOp({
  name: "linear",
  shape({ x, weight, bias }) {
    if (x.length !== 2 || weight.length !== 2)
      throw new ShapeError(
        `x ${formatShape(x)} and weight ${formatShape(weight)} must have two axes, [n, c] and [c, k]. Flatten x first?`,
        { x, weight },
      );
    if (x[1] !== weight[0])
      throw new ShapeError(
        `x ${formatShape(x)} has rows of ${x[1]}, but weight ${formatShape(weight)} takes ${weight[0]}.`,
        { x, weight },
      );
    if (bias !== undefined && (bias.length !== 1 || bias[0] !== weight[1]))
      throw new ShapeError(`bias ${formatShape(bias)} must be [${weight[1]}], one number for each output.`, {
        bias,
        weight,
      });
    return [x[0], weight[1]];
  },
  cost: ({ weight: [c, k] }, [n]) => ({ macs: n * c * k }),
  value({ x, weight, bias }, _, shape) {
    return [
      over(shape, (n, k) => {
        const products = sum([weight.shape[0]], (c) => x.at(n, c).times(weight.at(c, k)));
        return bias === undefined ? products : products.plus(bias.at(k));
      }),
    ];
  },
  gradient: ({ x, weight, bias }, dy) => ({
    x: matmul({ a: dy, b: weight }, { transposeB: true }),
    weight: matmul({ a: x, b: dy }, { transposeA: true }),
    ...(bias === undefined ? {} : { bias: sumOp({ x: dy }, { axes: [0] }) }),
  }),
});
