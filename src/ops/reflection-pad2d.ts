/**
 * Images with their own mirror image around them, the places at the edges not repeated: PyTorch's ReflectionPad2d.
 *
 *   x [n, h, w, c]  →  y [n, h + 2·padding, w + 2·padding, c],  y[p] = x[|p − padding|] and likewise at the other end
 */

import { type Part, scatter } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import type { Source } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import { defineOp, type Op } from "./operation.ts";

export interface ReflectionPad2dAttributes {
  /** Places added on each side, fewer than the image has. */
  readonly padding: number;
}

export const reflectionPad2d: Op<"x", ReflectionPad2dAttributes> = defineOp({
  name: "reflectionPad2d",
  shape({ x }, { padding }) {
    requireImages(x);
    const [n, h, w, c] = x;
    if (!Number.isInteger(padding) || padding < 0)
      throw new OptionError(`padding is ${padding}, but must be a whole number of at least 0.`, { padding });
    if (padding >= Math.min(h, w))
      throw new ShapeError(
        `x ${formatShape(x)} is too small to be mirrored over ${padding} places: give more than ${padding} rows and columns.`,
        { x, padding },
      );
    return [n, h + 2 * padding, w + 2 * padding, c];
  },
  value: ({ x }, { padding }, shape) =>
    summed(x, shape, (axis) => runsOf(shape[axis], (p) => sourcesOf(p, x.shape[axis], padding))),
  gradient: ({ x }, dy, { padding }) => ({
    x: reflectionPad2dGradient({ dy }, { padding, inputShape: x.shape }),
  }),
});

/** Each place gathers the gradients of its images in the mirrors. */
const reflectionPad2dGradient: Op<"dy", ReflectionPad2dAttributes & { readonly inputShape: Shape }> =
  defineOp({
    name: "reflectionPad2dGradient",
    shape: (_, { inputShape }) => inputShape,
    value: ({ dy }, { padding, inputShape }) =>
      summed(dy, inputShape, (axis) =>
        runsOf(inputShape[axis], (i) => imagesOf(i, inputShape[axis], padding)),
      ),
    gradient: (_, ddx, { padding }) => ({ dy: reflectionPad2d({ x: ddx }, { padding }) }),
  });

/** A place read as slope·i + offset. */
interface Line {
  readonly slope: 1 | -1;
  readonly offset: number;
}

/** Where place p of the padded axis comes from. */
function sourcesOf(p: number, extent: number, padding: number): readonly Line[] {
  if (p < padding) return [{ slope: -1, offset: padding }];
  return p < extent + padding
    ? [{ slope: 1, offset: -padding }]
    : [{ slope: -1, offset: 2 * (extent - 1) + padding }];
}

/** Where place i of the axis is seen: in itself, and in a mirror that is near. */
function imagesOf(i: number, extent: number, padding: number): readonly Line[] {
  const last = extent - 1;
  return [
    { slope: 1, offset: padding },
    ...(i >= 1 && i <= padding ? [{ slope: -1, offset: padding } as const] : []),
    ...(i >= last - padding && i < last ? [{ slope: -1, offset: 2 * last + padding } as const] : []),
  ];
}

/** Neighbouring places that are read along the same lines. */
interface Run {
  readonly from: number;
  readonly count: number;
  readonly lines: readonly Line[];
}

function runsOf(extent: number, linesOf: (i: number) => readonly Line[]): readonly Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < extent; i++) {
    const lines = linesOf(i);
    const before = runs.at(-1);
    if (before !== undefined && sameLines(before.lines, lines))
      runs[runs.length - 1] = { ...before, count: before.count + 1 };
    else runs.push({ from: i, count: 1, lines });
  }
  return runs;
}

function sameLines(a: readonly Line[], b: readonly Line[]): boolean {
  return (
    a.length === b.length && a.every(({ offset, slope }, i) => offset === b[i].offset && slope === b[i].slope)
  );
}

/** A part for each run of rows and columns: the sum of what its lines read. */
function summed(x: Source, [n, , , c]: Shape, runs: (axis: 1 | 2) => readonly Run[]): Part[] {
  return runs(1).flatMap((v) =>
    runs(2).map((h) =>
      scatter([n, v.count, h.count, c], (ni, i, j, ci) => {
        const [row, column] = [index(i).plus(v.from), index(j).plus(h.from)];
        const reads = v.lines.flatMap((down) =>
          h.lines.map((across) =>
            x.at(
              ni,
              row.times(down.slope).plus(down.offset),
              column.times(across.slope).plus(across.offset),
              ci,
            ),
          ),
        );
        return { at: [ni, row, column, ci], value: reads.reduce((a, b) => a.plus(b)) };
      }),
    ),
  );
}
