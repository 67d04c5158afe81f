/**
 * Large sums and maxima in two passes: chunks, then the chunks in order. How many chunks there are depends on shapes
 * alone, so the result is the same for any number of threads, and its rounding error grows with chunk length, not with
 * the whole.
 */

import { type Part, replaceValue, substitute, visit } from "./formula.ts";
import { type Axis, axis, extentOf, type Index, index } from "./index-expression.ts";
import { type Layout, linearIndex } from "./layout.ts";
import { type Operand, position, Source, Value } from "./value.ts";

/** Sums shorter than this stay whole. */
const shortest = 1024;
/** More chunks than this cost more than they spread. */
const mostChunks = 128;

export interface Split {
  /** Computes the chunks, into an operand of this shape. */
  readonly partial: Part;
  readonly operand: Operand;
  /** Computes the part's value from the chunks. */
  readonly combine: Part;
}

/** The part in two passes, or undefined where one is better. */
export function splitReduction(part: Part): Split | undefined {
  const found = new Set<Value>();
  visit(part.value, (value) => {
    if (value.node.kind === "reduce") found.add(value);
  });
  const [reduction] = found;
  if (found.size !== 1 || reduction.node.kind !== "reduce") return undefined;
  const { operator, axes, body } = reduction.node;
  const total = extentOf(axes);
  const outputs = extentOf(part.axes);
  if (operator === "argmax" || total < shortest || outputs > 16384) return undefined;

  const chunkAxes: Axis[] = [];
  const innerAxes: Axis[] = [];
  const replacement = new Map<Axis, Index>();
  let guard: Value | undefined;
  let chunks = 1;
  for (const each of axes) {
    if (each.extent === 1) continue;
    const ways = chunks >= 32 ? 1 : waysToSplit(each.extent, Math.floor(mostChunks / chunks));
    const length = Math.ceil(each.extent / ways);
    const [outer, inner] = [axis(`${each.name}Chunk`, ways), axis(`${each.name}Inner`, length)];
    if (ways > 1) chunkAxes.push(outer);
    if (length > 1) innerAxes.push(inner);
    const at = index(outer).times(length).plus(inner);
    replacement.set(each, at);
    chunks *= ways;
    // The last chunk may be shorter. Counted within it, because kernels compare positions as float32.
    if (ways * length !== each.extent)
      guard = position(outer)
        .equals(ways - 1)
        .select(position(inner).less(each.extent - (ways - 1) * length), 1);
  }
  if (chunks === 1) return undefined;
  const kept = part.axes.filter((each) => each.extent > 1);
  const operand: Operand = { shape: [...chunkAxes, ...kept].map((each) => each.extent) };
  const moved = substitute(body, replacement);
  const chunk = new Value({
    kind: "reduce",
    operator,
    axes: innerAxes,
    body:
      guard === undefined ? moved : guard.select(moved, operator === "sum" ? 0 : Number.NEGATIVE_INFINITY),
  });
  const partial: Part = {
    axes: [...chunkAxes, ...kept],
    at: [...chunkAxes, ...kept].map(index),
    value: chunk,
  };
  const combineAxes = chunkAxes.map((each) => axis(each.name, each.extent));
  const sum = new Value({
    kind: "reduce",
    operator,
    axes: combineAxes,
    body: new Source(operand).at(...combineAxes, ...kept),
  });
  return { partial, operand, combine: { ...part, value: replaceValue(part.value, reduction, sum) } };
}

/**
 * How far past the ends of operands parts read: places of a chunk that is not full, or columns that fill up a panel, whose
 * values are not used.
 */
export function placesBeyond(parts: readonly Part[], layoutOf: (operand: Operand) => Layout): number {
  let most = 0;
  const values = parts.map(({ value }) => value);
  visit(values, ({ node }) => {
    if (node.kind !== "read" || node.fill !== undefined) return;
    if (node.at.every((each, i) => each.range()[1] < node.operand.shape[i])) return;
    const layout = layoutOf(node.operand);
    const last = node.operand.shape.map((extent) => index(extent - 1));
    const [, end] = linearIndex(node.at, layout).range();
    most = Math.max(most, end - linearIndex(last, layout).constant);
  });
  return most;
}

/** Into how many chunks, at most `most`, an extent is split: a divisor if there is a good one. */
function waysToSplit(extent: number, most: number): number {
  if (extent <= most) return extent;
  for (let ways = most; ways >= most / 4; ways--) if (extent % ways === 0) return ways;
  const length = Math.ceil(extent / most);
  return Math.ceil(extent / length);
}
