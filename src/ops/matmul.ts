/**
 * The product of two matrices, each of which may be taken transposed.
 *
 *   a [m, i], b [i, k]  →  y [m, k];  with transposeA a is [i, m], with transposeB b is [k, i]
 */

import { over } from "../kernels/formula.ts";
import { sum } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";

export interface MatmulAttributes {
  /** Takes aᵀ for a. Default false. */
  readonly transposeA?: boolean;
  /** Takes bᵀ for b. Default false. */
  readonly transposeB?: boolean;
}

export const matmul: Op<"a" | "b", MatmulAttributes> = defineOp({
  name: "matmul",
  shape({ a, b }, { transposeA = false, transposeB = false }) {
    if (a.length !== 2 || b.length !== 2)
      throw new ShapeError(`a ${formatShape(a)} and b ${formatShape(b)} must have two axes each.`, { a, b });
    const [m, inA] = transposeA ? [a[1], a[0]] : a;
    const [inB, k] = transposeB ? [b[1], b[0]] : b;
    if (inA !== inB)
      throw new ShapeError(
        `a ${formatShape(a)}${transposeA ? " transposed" : ""} has rows of ${inA}, but b ${formatShape(b)}` +
          `${transposeB ? " transposed" : ""} has columns of ${inB}. Transpose one of them?`,
        { a, b, transposeA, transposeB },
      );
    return [m, k];
  },
  cost: ({ a }, [, k]) => ({ macs: a[0] * a[1] * k }),
  value({ a, b }, { transposeA = false, transposeB = false }, shape) {
    const inner = transposeA ? a.shape[0] : a.shape[1];
    return [
      over(shape, (m, k) =>
        sum([inner], (i) =>
          (transposeA ? a.at(i, m) : a.at(m, i)).times(transposeB ? b.at(k, i) : b.at(i, k)),
        ),
      ),
    ];
  },
  gradient({ a, b }, dy, { transposeA = false, transposeB = false }) {
    return {
      a: transposeA
        ? matmul({ a: b, b: dy }, { transposeA: transposeB, transposeB: true })
        : matmul({ a: dy, b }, { transposeB: !transposeB }),
      b: transposeB
        ? matmul({ a: dy, b: a }, { transposeA: true, transposeB: transposeA })
        : matmul({ a, b: dy }, { transposeA: !transposeA }),
    };
  },
});
