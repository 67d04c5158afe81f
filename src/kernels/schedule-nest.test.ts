import { describe, expect, it } from "vitest";
import { over, type Part, scatter } from "./formula.ts";
import { index } from "./index-expression.ts";
import { contiguousLayout, type Layout } from "./layout.ts";
import { scheduleNest, shareAxes } from "./schedule-nest.ts";
import { argmax, type Operand, random, Source, sum } from "./value.ts";

/** The loops of a part: extents of the outer axes, of the row and of the vector. */
function loopsOf(part: Part, target: Layout, layouts: ReadonlyMap<Operand, Layout> = new Map()) {
  const nest = scheduleNest(
    [{ part, layout: target }],
    (operand) => layouts.get(operand) ?? contiguousLayout(0, operand.shape),
  );
  return {
    outer: nest.outer.map(({ extent }) => extent),
    row: nest.row?.extent,
    vector: nest.vector?.extent,
    reductions: [...nest.reductions.values()].map((axes) => axes.map(({ extent }) => extent)),
    vectorOutside: nest.vectorOutside,
  };
}

const shape = [2, 5, 7, 6];
const x: Operand = { shape };
const target = contiguousLayout(1, shape);

describe("scheduleNest", () => {
  it("makes one loop of a map over tensors without gaps", () => {
    const part = over(shape, (...i) => new Source(x).at(...i).exp());
    expect(loopsOf(part, target)).toMatchObject({ outer: [], row: undefined, vector: 420 });
  });

  it("keeps apart what a view, a repeated vector, an edge or a counter of its own steps through differently", () => {
    const source = new Source(x);
    const view = new Map([[x, { buffer: 0, offset: 0, strides: [5 * 7 * 9, 7 * 9, 9, 1] }]]);
    expect(
      loopsOf(
        over(shape, (...i) => source.at(...i)),
        target,
        view,
      ),
    ).toMatchObject({ row: 70, vector: 6 });
    const vector = new Source({ shape: [6] });
    const scaled = over(shape, (n, h, w, c) => source.at(n, h, w, c).times(vector.at(c)));
    expect(loopsOf(scaled, target)).toMatchObject({ outer: [], row: 70, vector: 6 });
    const shifted = over(shape, (n, h, w, c) => source.padded(0, n, index(h).minus(1), w, c));
    expect(loopsOf(shifted, target)).toMatchObject({ outer: [2], row: 5, vector: 42 });
    const drawn = over(shape, (n, h, w, c) =>
      random(0, index(n).times(6).plus(c)).plus(source.at(n, h, w, c)),
    );
    expect(loopsOf(drawn, target)).toMatchObject({ outer: [2], row: 35, vector: 6 });
  });

  it("merges the axes of a sum, but counts those of a greatest value", () => {
    const rows = new Source({ shape: [3, 4, 5] });
    const total = over([3], (n) => sum([4, 5], (i, j) => rows.at(n, i, j)));
    expect(loopsOf(total, contiguousLayout(1, [3])).reductions).toEqual([[20]]);
    const best = over([3], (n) => argmax([4, 5], (i, j) => rows.at(n, i, j)));
    expect(loopsOf(best, contiguousLayout(1, [3])).reductions).toEqual([[4, 5]]);
  });

  it("carries lanes along the axis whose places are neighbours in the result", () => {
    // flatten: y [n, c·h·w] from x [n, h, w, c] puts columns side by side, not channels.
    const flat = scatter(shape, (n, h, w, c) => ({
      at: [n, index(c).times(35).plus(index(h).times(7)).plus(w)],
      value: new Source(x).at(n, h, w, c),
    }));
    expect(loopsOf(flat, contiguousLayout(1, [2, 210]))).toMatchObject({ vector: 35 });
  });

  it("leaves loops of one step out", () => {
    const pixel = [1, 1, 1, 8];
    const part = over(pixel, (...i) => new Source({ shape: pixel }).at(...i));
    expect(loopsOf(part, contiguousLayout(1, pixel))).toMatchObject({ outer: [], row: undefined, vector: 8 });
    const number = over([1, 1], (...i) => new Source({ shape: [1, 1] }).at(...i));
    expect(loopsOf(number, contiguousLayout(1, [1, 1])).vector).toBeUndefined();
  });

  it("runs lanes outside rows where much depends on lanes alone", () => {
    const [gamma, beta] = [new Source({ shape: [6] }), new Source({ shape: [6] })];
    const normalized = over(shape, (n, h, w, c) =>
      new Source(x).at(n, h, w, c).times(gamma.at(c).plus(1e-5).sqrt().reciprocal()).plus(beta.at(c)),
    );
    expect(loopsOf(normalized, target)).toMatchObject({ vector: 6, vectorOutside: true });
  });
});

describe("shareAxes", () => {
  it("gives parts of the same extents the first one's axes, those of their sums included", () => {
    const source = new Source(x);
    const part = (power: number) =>
      over([6], (c) => sum([2, 5, 7], (n, h, w) => source.at(n, h, w, c).power(power)));
    const [first, second] = shareAxes([part(1), part(2)]) ?? [];
    expect(second.axes).toBe(first.axes);
    const reduced = ({ value: { node } }: Part) => (node.kind === "reduce" ? node.axes : undefined);
    expect(reduced(second)).toEqual(reduced(first));
    expect(reduced(second)?.[0]).toBe(reduced(first)?.[0]);
  });

  it("refuses parts of other extents", () => {
    const part = (extent: number) => over([extent], (c) => new Source({ shape: [9] }).at(c));
    expect(shareAxes([part(6), part(5)])).toBeUndefined();
  });
});
