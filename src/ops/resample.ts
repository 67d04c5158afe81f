/**
 * Images of another size: nearest neighbour, bilinear, and means of bins.
 *
 * All are linear maps with few numbers in each row, the same along h and along w. Where sizes have a small ratio,
 * rows repeat every few places: each such class of rows is a part of the formula of its own, with its weights as
 * constants and every index affine. Otherwise the map is a small matrix, and applying it a contraction.
 */

import { type Formula, over, scatter } from "../kernels/formula.ts";
import { type Axis, type Index, type IndexLike, index } from "../kernels/index-expression.ts";
import { position, type Source, sum, type Value, value } from "../kernels/value.ts";
import type { Shape } from "../tensor/shape.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { longest, type Rule, type Run, runsOf, type Size, source } from "./resample-rows.ts";

export interface ResampleAttributes {
  readonly rule: Rule;
  readonly from: Size;
  readonly to: Size;
  /** The transposed map, from images of size `to` to images of size `from`. */
  readonly adjoint: boolean;
}

/** More parts or terms than this cost more in code than they save. */
const mostParts = 16;
const mostTaps = 16;

/** Both axes at once where that is short, else one after the other. */
export function resample(x: Tensor, attributes: ResampleAttributes): Tensor {
  const { from, to, adjoint } = attributes;
  if (from[0] === to[0] && from[1] === to[1]) return x;
  const [v, h] = [along(attributes, 0), along(attributes, 1)];
  if (v.length * h.length <= mostParts && longest(v) * longest(h) <= mostTaps)
    return resampleBoth({ x }, attributes);
  // The axis that shrinks most, or grows least, goes first: the image between is then the smaller one.
  const growth = [0, 1].map((axis) => (adjoint ? from[axis] / to[axis] : to[axis] / from[axis]));
  let y = x;
  for (const axis of growth[0] <= growth[1] ? ([0, 1] as const) : ([1, 0] as const)) {
    if (from[axis] === to[axis]) continue;
    const [height, width] = [y.shape[1], y.shape[2]];
    const only = (size: Size): Size => (axis === 0 ? [size[0], width] : [height, size[1]]);
    const one = { ...attributes, from: only(from), to: only(to) };
    const runs = axis === 0 ? v : h;
    const isShort = runs.length <= mostParts && longest(runs) <= mostTaps;
    y = isShort ? resampleBoth({ x: y }, one) : throughMatrix(y, one, axis);
  }
  return y;
}

const resampleBoth: Op<"x", ResampleAttributes> = defineOp({
  name: "resample",
  shape: ({ x }, { from, to, adjoint }) => [x[0], ...(adjoint ? from : to), x[3]],
  value({ x }, attributes, [n, , , c]) {
    const horizontal = along(attributes, 1);
    return along(attributes, 0).flatMap((v) =>
      horizontal.map((h) =>
        scatter([n, v.count, h.count, c], (ni, i, j, ci) => ({
          at: [ni, place(v, i), place(h, j), ci],
          value: weighted(v, h, (r, s) => x.at(ni, entry(v, i, r), entry(h, j, s), ci)),
        })),
      ),
    );
  },
  gradient: (_, dy, attributes) => ({ x: resample(dy, { ...attributes, adjoint: !attributes.adjoint }) }),
});

function along({ rule, from, to, adjoint }: ResampleAttributes, axis: 0 | 1): Run[] {
  return runsOf({ rule, from: from[axis], to: to[axis], adjoint });
}

function place({ phase, step, first }: Run, i: Axis): Index {
  return index(i)
    .times(step)
    .plus(phase + step * first);
}

function entry({ advance, first }: Run, i: Axis, offset: IndexLike): Index {
  return index(i)
    .times(advance)
    .plus(advance * first)
    .plus(offset);
}

/** Σ over the taps of both axes; equal weights are taken out of the sum. */
function weighted(v: Run, h: Run, read: (r: IndexLike, s: IndexLike) => Value): Value {
  if (v.taps.length * h.taps.length === 0) return value(0);
  const weight = v.taps[0].weight * h.taps[0].weight;
  const areEqual = [v, h].every(({ taps }) =>
    taps.every((tap, t) => tap.weight === taps[0].weight && tap.offset === taps[0].offset + t),
  );
  if (areEqual && v.taps.length * h.taps.length > 1)
    return sum([v.taps.length, h.taps.length], (r, s) =>
      read(index(r).plus(v.taps[0].offset), index(s).plus(h.taps[0].offset)),
    ).times(weight);
  let total = value(0);
  for (const r of v.taps)
    for (const s of h.taps) total = total.plus(read(r.offset, s.offset).times(r.weight * s.weight));
  return total;
}

/** y = M x along one axis, for sizes whose rows do not repeat. */
function throughMatrix(x: Tensor, attributes: ResampleAttributes, axis: 0 | 1): Tensor {
  const { rule, from, to, adjoint } = attributes;
  const matrix = resampleMatrix({}, { rule, from: from[axis], to: to[axis] });
  return applyMatrix({ x, matrix }, { axis, adjoint });
}

/** The whole map along one axis, [to, from]. */
const resampleMatrix: Op<never, { readonly rule: Rule; readonly from: number; readonly to: number }> =
  defineOp({
    name: "resampleMatrix",
    shape: (_, { from, to }) => [to, from],
    value: (_, { rule, from, to }, shape) => [over(shape, (p, i) => matrixEntry(rule, from, to, p, i))],
    gradient: () => ({}),
  });

/** What `rowOf` gives, as a formula. */
function matrixEntry(rule: Rule, from: number, to: number, p: Axis, i: Axis): Value {
  const at = position(i);
  const start = index(p).times(from);
  if (rule === "nearest") return at.equals(position(start.floorDiv(to)));
  if (rule === "average") {
    const [first, end] = [position(start.floorDiv(to)), position(start.plus(from + to - 1).floorDiv(to))];
    return first.lessOrEqual(at).times(at.less(end)).over(end.minus(first));
  }
  const { numerator, divisor } = source(rule, from, to);
  const exact = index(p).times(numerator.factor).plus(numerator.constant);
  const below = position(exact.floorDiv(divisor));
  const share = position(exact.mod(divisor)).times(1 / divisor);
  return at
    .equals(below.max(0))
    .times(value(1).minus(share))
    .plus(at.equals(below.plus(1).min(from - 1)).times(share));
}

/** x [n, h, w, c] and a matrix [p, h] or, along axis 1, [q, w]; with `adjoint` the matrix is taken transposed. */
const applyMatrix: Op<"x" | "matrix", { readonly axis: 0 | 1; readonly adjoint: boolean }> = defineOp({
  name: "resampleThroughMatrix",
  shape({ x: [n, h, w, c], matrix }, { axis, adjoint }) {
    const extent = matrix[adjoint ? 1 : 0];
    return axis === 0 ? [n, extent, w, c] : [n, h, extent, c];
  },
  value: ({ x, matrix }, attributes, shape) => matrixFormula(x, matrix, attributes, shape),
  gradient: ({ matrix }, dy, { axis, adjoint }) => ({
    x: applyMatrix({ x: dy, matrix }, { axis, adjoint: !adjoint }),
  }),
});

function matrixFormula(
  x: Source,
  matrix: Source,
  { axis, adjoint }: { readonly axis: 0 | 1; readonly adjoint: boolean },
  shape: Shape,
): Formula {
  const entries = matrix.shape[adjoint ? 0 : 1];
  return [
    over(shape, (n, p, q, c) =>
      sum([entries], (i) => {
        const row = axis === 0 ? p : q;
        const read = axis === 0 ? x.at(n, i, q, c) : x.at(n, p, i, c);
        return (adjoint ? matrix.at(i, row) : matrix.at(row, i)).times(read);
      }),
    ),
  ];
}
