/**
 * Copies what a contraction reads of A row by row next to each other, where rows of an image are so short that register tiles
 * fit badly into them, as after a stride in the last stage of a network: 7 rows of pixels are a tile of 4 and one of 3. Behind one
 * another, those of all rows and images fill tiles. Columns use each number so often that copying costs little.
 *
 * Where a window slides down by a row at a time, the rows of an image that it reads are the same for its neighbours: they are copied once
 * and not once for each of the window's.
 */

import type { View } from "../contraction-view.ts";
import { type Part, replaceValue, scatter } from "../formula.ts";
import { type Axis, axis, extentOf, type Index, index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { type Contraction, mergeRuns } from "../schedule-contraction.ts";
import { type Operand, Source, Value } from "../value.ts";
import type { CMachine } from "./target.ts";
import { farCost, panelNumbers, stepsInCache, tilingOf } from "./tile.ts";

/** Rows times steps of the sum: of more, a copy comes from memory, and one of shared rows took longer as well (256 channels at 14×14). */
const mostNumbers = 4 * 1024 * 1024;
/** What copying a number costs, in multiply-adds. */
const copyCost = 10;
/** The share of the time that should at least be saved. */
const leastGain = 0.05;

export interface Gathered {
  readonly contraction: Contraction;
  /** What is copied, [...rows, ...sum]; where the window slides, rows of the image are all that it reads, and the sum has none. */
  readonly operand: Operand;
  readonly part: Part;
  /** Where the result's rows are not behind one another, as in gradients of strided inputs: sums [...rows, n], and what becomes of them. */
  readonly scattered: { readonly sums: Operand; readonly part: Part } | undefined;
}

/** The contraction over a copy of A, or undefined where rows are long enough. */
export function gathered(
  c: Contraction,
  layout: Layout,
  layoutOfA: Layout,
  view: View | undefined,
  machine: CMachine,
): Gathered | undefined {
  if (c.batch.length > 0 || c.m.length < 2) return undefined;
  const [written, read] = [linearIndex(c.part.at, layout), linearIndex(c.a.at, layoutOfA)];
  const factors = (linear: Index) => (each: Axis) => linear.factorOf(each);
  const slide = slideOf(c);
  const isScattered = mergeRuns(c.m, [factors(written)]).length > 1;
  const isWhole = c.a.fill === undefined && mergeRuns(c.m, [factors(read)]).length === 1;
  const [rows, steps] = [extentOf(c.m), extentOf(c.k)];
  // Axes of what is copied, and what of A they stand for.
  const down = slide && axis("down", slide.row.extent + slide.tap.extent - 1);
  const axes = [
    ...c.m.map((each) => (down && each === slide?.row ? down : each)),
    ...c.k.filter((each) => each !== slide?.tap),
  ];
  if (isWhole || rows * steps > mostNumbers) return undefined;
  const along = c.m[c.m.length - 1].extent;
  const box = view?.box;
  // A box has some rows, for which all of B is read: where that is more than the L2 cache holds, from beyond it.
  const isLarge = box !== undefined && c.m.includes(box.blocked) && steps * c.n.extent > 2 * panelNumbers;
  const boxes = isLarge ? Math.ceil(box.blocked.extent / box.block) * extentOf(box.outside) : 0;
  const reading = farCost * boxes * Math.ceil(c.n.extent / machine.lanes);
  const now = tilingOf(c.n.extent, along, rows / along, steps, machine).cost + reading;
  // Rows that the window slides over lie behind those of another image with a gap between.
  const together = slide === undefined ? rows : extentOf(c.m.slice(c.m.indexOf(slide.row)));
  const inCache = Math.min(steps, stepsInCache(machine));
  const then = tilingOf(c.n.extent, together, rows / together, inCache, machine).cost;
  const copying = copyCost / c.n.extent + (isScattered ? copyCost / steps : 0);
  if (now / then - 1 < leastGain + copying) return undefined;

  const operand: Operand = { shape: axes.map((each) => each.extent) };
  const part = scatter(operand.shape, (...places) => {
    const replacement = new Map(axes.map((each, i): [Axis, Index] => [each, index(places[i])]));
    if (slide !== undefined)
      replacement.set(slide.row, index(places[c.m.indexOf(slide.row)])).set(slide.tap, index(0));
    return {
      at: places.map(index),
      value: new Value({ ...c.a, at: c.a.at.map((each) => each.substitute(replacement)) }),
    };
  });
  const at = axes.map((each) => (slide && each === down ? index(slide.row).plus(slide.tap) : index(each)));
  const a = { ...c.a, operand, at, fill: undefined };
  if (!isScattered) return { contraction: { ...c, a }, operand, part, scattered: undefined };
  const outputs = [...c.m, c.n];
  const sums: Operand = { shape: outputs.map((each) => each.extent) };
  const plain: Part = { axes: outputs, at: outputs.map(index), value: c.sum };
  const value = replaceValue(c.part.value, c.sum, new Source(sums).at(...outputs));
  const scattered = { sums, part: { ...c.part, value } };
  return { contraction: { ...c, a, part: plain }, operand, part, scattered };
}

/** The axes of rows and of the window's rows that A is read at the sum of, and which it is read at nowhere else. */
function slideOf(c: Contraction): { readonly row: Axis; readonly tap: Axis } | undefined {
  for (const at of c.a.at) {
    const [row, tap] = [c.m, c.k].map((axes) => axes.find((each) => at.factorOf(each) === 1));
    const isSlide = row !== undefined && tap !== undefined && at.terms.length === 2;
    const readAt = (of: Axis) => c.a.at.filter((each) => axesIn(each).has(of)).length;
    if (isSlide && tap.extent > 1 && readAt(row) === 1 && readAt(tap) === 1) return { row, tap };
  }
  return undefined;
}

function axesIn(of: Index): ReadonlySet<Axis> {
  const found = new Set<Axis>();
  of.collectAxes(found);
  return found;
}
