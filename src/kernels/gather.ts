/**
 * Copies what a contraction reads of A row by row next to each other, where rows of an image are so short that register tiles
 * fit badly into them, as after a stride in the last stage of a network: 7 rows of pixels are a tile of 4 and one of 3. Behind one
 * another, those of all rows and images fill tiles. Columns use each number so often that copying costs little.
 *
 * Where a window slides down by a row at a time, the rows of an image that it reads are the same for its neighbours: they are copied once
 * and not once for each of the window's.
 */

import { type Part, replaceValue, scatter } from "./formula.ts";
import { type Axis, axis, extentOf, type Index, index } from "./index-expression.ts";
import { type Layout, linearIndex } from "./layout.ts";
import { type Contraction, type CopiedRead, mergeRuns } from "./schedule-contraction.ts";
import { type Operand, Source, Value } from "./value.ts";

/** Rows times steps of the sum: of more, a copy comes from memory, and one of shared rows took longer as well (256 channels at 14×14). */
const mostNumbers = 4 * 1024 * 1024;
/** What copying a number costs, in multiply-adds. */
const copyCost = 10;
/** The share of the time that should at least be saved. */
const leastGain = 0.05;

export interface Gathered {
  readonly contraction: Contraction;
  /**
   * What is copied, [...rows, ...sum], where rows are not behind one another in A; where the window slides, rows of the image are all
   * that it reads, and the sum has none.
   */
  readonly copied: CopiedRead | undefined;
  /** Where they are not in the result, as in gradients of strided inputs: sums [...rows, n], and what becomes of them. */
  readonly scattered: { readonly sums: Operand; readonly part: Part } | undefined;
}

/** The time of a step of the sum for `stretches` of so many rows, gathered or as they are. */
export type StepTime = (rows: number, stretches: number, isGathered: boolean) => number;

/** The contraction over rows behind one another, or undefined where they are, or are long enough. */
export function gathered(
  c: Contraction,
  layout: Layout,
  layoutOfA: Layout,
  time: StepTime,
): Gathered | undefined {
  if (c.batch.length > 0 || c.m.length < 2) return undefined;
  const runsOf = (linear: Index) => mergeRuns(c.m, [(each) => linear.factorOf(each)]).length;
  const isScattered = runsOf(linearIndex(c.part.at, layout)) > 1;
  const isCopied = c.a.fill !== undefined || runsOf(linearIndex(c.a.at, layoutOfA)) > 1;
  const [rows, steps] = [extentOf(c.m), extentOf(c.k)];
  if (!(isScattered || isCopied) || (isCopied && rows * steps > mostNumbers)) return undefined;
  const slide = isCopied ? slideOf(c) : undefined;
  const along = c.m[c.m.length - 1].extent;
  // Rows that the window slides over lie behind those of another image with a gap between.
  const together = slide === undefined ? rows : extentOf(c.m.slice(c.m.indexOf(slide.row)));
  const gain = time(along, rows / along, false) / time(together, rows / together, true) - 1;
  const copying = (isCopied ? copyCost / c.n.extent : 0) + (isScattered ? copyCost / steps : 0);
  if (gain < leastGain + copying) return undefined;
  const copied = isCopied ? copyOf(c, slide) : undefined;
  const a = copied?.read ?? c.a;
  if (!isScattered) return { contraction: { ...c, a }, copied, scattered: undefined };
  const outputs = [...c.m, c.n];
  const sums: Operand = { shape: outputs.map((each) => each.extent) };
  const plain: Part = { axes: outputs, at: outputs.map(index), value: c.sum };
  const value = replaceValue(c.part.value, c.sum, new Source(sums).at(...outputs));
  const scattered = { sums, part: { ...c.part, value } };
  return { contraction: { ...c, a, part: plain }, copied, scattered };
}

function copyOf(c: Contraction, slide: Slide | undefined): CopiedRead {
  // Axes of the copy, and what of A they stand for.
  const down = slide && axis("down", slide.row.extent + slide.tap.extent - 1);
  const axes = [
    ...c.m.map((each) => (down && each === slide?.row ? down : each)),
    ...c.k.filter((each) => each !== slide?.tap),
  ];
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
  return { read: { ...c.a, operand, at, fill: undefined }, operand, part };
}

/** Axes of rows and of the window's rows. */
interface Slide {
  readonly row: Axis;
  readonly tap: Axis;
}

/** Those that A is read at the sum of, and at nowhere else. */
function slideOf(c: Contraction): Slide | undefined {
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
