/**
 * softmax(x) = e^x / Σ e^x over the last axis, and its logarithm.
 *
 * Both subtract the greatest x of a row before the exponential, so that none overflows. A row's maximum and the
 * logarithm of its sum are tensors of their own: computed once a row, not once an element.
 */

import { over } from "../kernels/formula.ts";
import { maximum as greatest, sum as sumOver } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import { exp } from "./exp.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { subtract } from "./subtract.ts";
import { sum } from "./sum.ts";

/** The greatest value of each row, [.., k] → [.., 1]. */
export const rowMaximum: Op<"x"> = defineOp({
  name: "rowMaximum",
  shape: ({ x }) => rowShape(x),
  value: ({ x }, _, shape) => [
    over(shape, (...i) => greatest([extent(x.shape)], (k) => x.at(...i.slice(0, -1), k))),
  ],
});

/** log Σ e^(x − maximum) of each row, [.., k] → [.., 1]. */
export const logRowSum: Op<"x" | "maximum"> = defineOp({
  name: "logRowSum",
  shape: ({ x }) => rowShape(x),
  value: ({ x, maximum }, _, shape) => [
    over(shape, (...i) =>
      sumOver([extent(x.shape)], (k) =>
        x
          .at(...i.slice(0, -1), k)
          .minus(maximum.at(...i.slice(0, -1), 0))
          .exp(),
      ).log(),
    ),
  ],
});

/** What a row is shifted by and divided by: a function of x, so that its users' gradients account for it. */
export function rowNormalizers(x: Tensor): { readonly maximum: Tensor; readonly logSum: Tensor } {
  const maximum = rowMaximum({ x }, {});
  return { maximum, logSum: logRowSum({ x, maximum }, {}) };
}

const logSoftmaxOp: Op<"x" | "maximum" | "logSum"> = defineOp({
  name: "logSoftmax",
  shape: ({ x }) => x,
  value: ({ x, maximum, logSum }, _, shape) => [
    over(shape, (...i) => {
      const row = i.slice(0, -1);
      return x
        .at(...i)
        .minus(maximum.at(...row, 0))
        .minus(logSum.at(...row, 0));
    }),
  ],
  // dx = dy − e^y · Σ dy
  gradient: (_inputs, dy, _attributes, y) => ({
    x: subtract({ a: dy, b: multiply({ a: exp({ x: y }, {}), b: rowSum(dy) }, {}) }, {}),
  }),
});

const softmaxOp: Op<"x" | "maximum" | "logSum"> = defineOp({
  name: "softmax",
  shape: ({ x }) => x,
  value: (inputs, attributes, shape) =>
    logSoftmaxOp.operation
      .value(inputs, attributes, shape)
      .map((part) => ({ ...part, value: part.value.exp() })),
  // dx = y · (dy − Σ dy·y)
  gradient(_inputs, dy, _attributes, y) {
    const weighted = multiply({ a: dy, b: y }, {});
    return { x: multiply({ a: y, b: subtract({ a: dy, b: rowSum(weighted) }, {}) }, {}) };
  },
});

/** e^x / Σ e^x along the last axis, [.., k] → [.., k]. */
export function softmax({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  return softmaxOp({ x, ...rowNormalizers(x) }, {});
}

/** x − log Σ e^x along the last axis, [.., k] → [.., k]. */
export function logSoftmax({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  return logSoftmaxOp({ x, ...rowNormalizers(x) }, {});
}

/** Σ over the last axis, which stays with extent 1. */
function rowSum(x: Tensor): Tensor {
  return reshape({ x: sum({ x }, { axes: [x.shape.length - 1] }) }, { shape: rowShape(x.shape) });
}

function rowShape(x: Shape): Shape {
  if (x.length === 0) throw new ShapeError("x has no axes, but its last is the one to run along.");
  return [...x.slice(0, -1), 1];
}

function extent(x: Shape): number {
  return x[x.length - 1];
}
