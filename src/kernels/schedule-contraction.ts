/**
 * Recognises sums of products (convolution, its gradients, linear layers) and sorts their axes by role. With
 * C[m, n] = Σₖ A[m, k] · B[k, n], rows m are read through A alone, columns n through B alone and lie side by side in
 * the result.
 */

import { children, type Part, replaceValue, visit } from "./formula.ts";
import { type Axis, extentOf } from "./index-expression.ts";
import { type Layout, linearIndex } from "./layout.ts";
import { type Operand, Source, sum as sumOver, type Value } from "./value.ts";

export type Read = Extract<Value["node"], { kind: "read" }>;

/** A copy of what is read: `part` makes it, `read` reads it in place of that. */
export interface CopiedRead {
  readonly read: Read;
  readonly operand: Operand;
  readonly part: Part;
}

export interface Contraction {
  readonly part: Part;
  /** The sum, around which the part's value may compute more. */
  readonly sum: Value;
  readonly a: Read;
  readonly b: Read;
  /** The axis of columns. */
  readonly n: Axis;
  /** Axes of rows, outermost first. */
  readonly m: readonly Axis[];
  /** Axes that are summed over, outermost first. */
  readonly k: readonly Axis[];
  /** Axes of both: one contraction for each of their places. */
  readonly batch: readonly Axis[];
}

/** The part as a contraction, or undefined where it is none or would gain nothing from being treated as one. */
export function asContraction(
  part: Part,
  target: Layout,
  layoutOf: (operand: Operand) => Layout,
): Contraction | undefined {
  // A set: what follows a sum may use it several times, as a leaky ReLU does.
  const sums = new Set<Value>();
  visit(part.value, (value) => {
    if (value.node.kind === "reduce") sums.add(value);
  });
  const [sum] = sums;
  if (sums.size !== 1 || sum.node.kind !== "reduce" || sum.node.operator !== "sum") return undefined;
  const body = sum.node.body.node;
  if (body.kind !== "binary" || body.operator !== "times") return undefined;
  const [left, right] = [body.a.node, body.b.node];
  if (left.kind !== "read" || right.kind !== "read") return undefined;
  const k = sum.node.axes.filter((axis) => axis.extent > 1);
  const axes = part.axes.filter((axis) => axis.extent > 1);
  if (![...left.at, ...right.at, ...part.at].every((each) => each.isAffine())) return undefined;
  const written = linearIndex(part.at, target);
  for (const [a, b] of [
    [left, right],
    [right, left],
  ]) {
    // Columns come from an operand without edges, some vectors at a time.
    if (b.fill !== undefined) continue;
    const [inA, inB] = [linearIndex(a.at, layoutOf(a.operand)), linearIndex(b.at, layoutOf(b.operand))];
    const n = axes.findLast(
      (axis) => written.factorOf(axis) === 1 && inA.factorOf(axis) === 0 && inB.factorOf(axis) !== 0,
    );
    if (n === undefined || a.at.some((each) => each.factorOf(n) !== 0)) continue;
    const others = axes.filter((axis) => axis !== n);
    const uses = (read: Read, axis: Axis) => read.at.some((each) => each.factorOf(axis) !== 0);
    const m = others.filter((axis) => !uses(b, axis));
    const batch = others.filter((axis) => uses(b, axis));
    if (k.length === 0) return undefined;
    return { part, sum, a, b, n, m, k, batch };
  }
  return undefined;
}

/** Whether `value` around the sum is made of what a register tile can do before it stores: arithmetic and plain reads. */
export function isEpilogue(value: Value, sum: Value): boolean {
  const { node } = value;
  if (value === sum || node.kind === "constant" || node.kind === "scalar") return true;
  if (node.kind === "read") return node.fill === undefined && node.at.every((each) => each.isAffine());
  if (node.kind === "unary") return isEpilogue(node.a, sum);
  if (node.kind === "binary" || node.kind === "compare")
    return isEpilogue(node.a, sum) && isEpilogue(node.b, sum);
  if (node.kind === "select")
    return isEpilogue(node.condition, sum) && isEpilogue(node.a, sum) && isEpilogue(node.b, sum);
  return false;
}

/** The reads of what stands around the sum, each once. */
export function readsAround(value: Value, sum: Value): Value[] {
  const reads = new Set<Value>();
  const see = (each: Value) => {
    if (each === sum) return;
    if (each.node.kind === "read") reads.add(each);
    for (const child of children(each)) see(child);
  };
  see(value);
  return [...reads];
}

/** Sums that are not finished, one for each chunk of the axes that are walked outside the tile. */
export interface PartialSums {
  readonly operand: Operand;
  readonly layout: Layout;
  /** Those of the result that are longer than 1: the operand is [chunks, …axes]. */
  readonly axes: readonly Axis[];
  readonly chunks: number;
  /** Places of the first split axis in a chunk. */
  readonly perChunk: number;
}

/** As many chunks of `length` places as keep threads busy, as long as their sums stay small beside the work. */
export function chunksOf(length: number, axes: readonly Axis[]): { chunks: number; perChunk: number } {
  const most = Math.max(1, Math.min(16, length, Math.floor((8 * 1024 * 1024) / (4 * extentOf(axes)))));
  const perChunk = Math.ceil(length / most);
  return { chunks: Math.ceil(length / perChunk), perChunk };
}

/** The part with the sum made of chunks that are added in order: `chunks` [chunk, …axes] holds them. */
export function finishedPart({ part, sum }: Contraction, chunks: Operand, axes: readonly Axis[]): Part {
  const source = new Source(chunks);
  const total = sumOver([chunks.shape[0]], (chunk) => source.at(chunk, ...axes));
  return { ...part, value: replaceValue(part.value, sum, total) };
}

/** A run of steps that is one loop: `extent` steps of these factors, one for each linear index. */
export interface Run {
  extent: number;
  readonly factors: number[];
  /** The axes in it, outermost first. */
  readonly axes: Axis[];
}

/** Merges neighbouring axes that all the given factor tables step through as one. Outermost first. */
export function mergeRuns(axes: readonly Axis[], tables: readonly ((axis: Axis) => number)[]): Run[] {
  const runs: Run[] = [];
  for (const axis of axes) {
    const factors = tables.map((table) => table(axis));
    const last = runs.at(-1);
    if (last?.factors.every((factor, i) => factor === axis.extent * factors[i])) {
      last.extent *= axis.extent;
      last.axes.push(axis);
      for (const [i, factor] of factors.entries()) last.factors[i] = factor;
    } else runs.push({ extent: axis.extent, factors, axes: [axis] });
  }
  return runs;
}
