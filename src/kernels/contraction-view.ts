/**
 * How a contraction reads A: in place, or where it has edges (padding) through a box, a copy of the part of an image that a
 * task needs with the fill around it, so that no tile asks where the edge is. The same for all engines on CPUs.
 */

import { type Axis, extentOf, type Index } from "./index-expression.ts";
import { type Layout, linearIndex } from "./layout.ts";
import type { Contraction } from "./schedule-contraction.ts";
import { leavesEdges } from "./value.ts";

/** Where numbers of A are read from: A itself, or a box copied from it. */
export interface View {
  readonly factorOf: (axis: Axis) => number;
  /** Undefined where A is read in place. */
  readonly box: Box | undefined;
}

/** A copy of the part of an image that a task reads, its edges filled. */
export interface Box {
  /** Extents of the copy along A's dimensions. */
  readonly extents: readonly number[];
  /** The axis that tasks, or steps of the sum, go along in blocks; `block` places each. */
  readonly blocked: Axis;
  readonly block: number;
  /** Axes of A's outermost dimension, outside the box. */
  readonly outside: readonly Axis[];
}

export interface ViewOptions {
  /** What a box may take of a cache. */
  readonly boxBytes: number;
  /** The same where the sum goes along the box, and longer stretches save work on sums that are not finished. Default: as much. */
  readonly sumBoxBytes?: number;
  /** Tasks that keep threads balanced. */
  readonly enoughTasks: number;
}

/** The view, or undefined where a box would be needed and A has not the form of images. */
export function viewOf(
  c: Contraction,
  layout: Layout,
  { boxBytes, sumBoxBytes = boxBytes, enoughTasks }: ViewOptions,
): View | undefined {
  const linear = linearIndex(c.a.at, layout);
  const hasEdges =
    c.a.fill !== undefined && c.a.at.some((at, dimension) => leavesEdges(at, c.a.operand.shape[dimension]));
  if (!hasEdges) return { factorOf: (each) => linear.factorOf(each), box: undefined };
  // A box has the form of an image: [n, h, w, c], one image at a time, rows in blocks, channels contiguous.
  if (c.a.at.length !== 4 || c.a.fill !== 0 || layout.strides[3] !== 1) return undefined;
  const [image, vertical, horizontal, channels] = c.a.at;
  if (leavesEdges(channels, c.a.operand.shape[3]) || leavesEdges(image, c.a.operand.shape[0]))
    return undefined;
  if (image.constant !== 0 || image.terms.length > 1 || (image.terms[0]?.factor ?? 1) !== 1) return undefined;
  const outside = [...axesOf(image)];
  if (outside.some((each) => c.a.at.slice(1).some((at) => at.factorOf(each) !== 0))) return undefined;
  if ([vertical, horizontal, channels].some((at) => at.terms.some((term) => term.factor < 0)))
    return undefined;
  // Blocks go along the rows of the result where images do, and along the sum where images are summed over; for a single
  // image along the longer of the two.
  const sums = (each: Axis) => c.k.includes(each);
  const candidates = [...axesOf(vertical)].filter((each) => !c.batch.includes(each));
  const [blocked] = candidates
    .filter((each) => outside.length === 0 || sums(each) === sums(outside[0]))
    .sort((x, y) => y.extent - x.extent || Number(sums(x)) - Number(sums(y)));
  if (blocked === undefined || [horizontal, channels].some((at) => at.factorOf(blocked) !== 0))
    return undefined;
  const batchFree = (at: Index) => span(at, (each) => c.batch.includes(each));
  const [width, depth] = [batchFree(horizontal), batchFree(channels)];
  const step = vertical.factorOf(blocked);
  const rowsBeside = span(vertical, (each) => c.batch.includes(each) || each === blocked);
  const rowBytes = 4 * width * depth;
  const sumIsBlocked = c.k.includes(blocked);
  let block = Math.max(
    1,
    Math.floor(((sumIsBlocked ? sumBoxBytes : boxBytes) / rowBytes - rowsBeside) / step) + 1,
  );
  // Enough blocks for all threads where images alone are too few.
  const images = extentOf(outside);
  if (!sumIsBlocked && images < enoughTasks)
    block = Math.min(block, Math.ceil(blocked.extent / (enoughTasks / images)));
  block = Math.min(block, blocked.extent);
  // Equal blocks: as many as there must be, each as small as it can be.
  block = Math.ceil(blocked.extent / Math.ceil(blocked.extent / block));
  const extents = [1, (block - 1) * step + rowsBeside, width, depth];
  const strides = [0, width * depth, depth, 1];
  const factorOf = (each: Axis) =>
    outside.includes(each) ? 0 : c.a.at.reduce((total, at, d) => total + at.factorOf(each) * strides[d], 0);
  return { factorOf, box: { extents, blocked, block, outside } };
}

function axesOf(at: Index): Set<Axis> {
  const axes = new Set<Axis>();
  at.collectAxes(axes);
  return axes;
}

/** How many places an index covers while its axes run, those that `still` names standing still. */
function span(at: Index, still: (axis: Axis) => boolean): number {
  let places = 1;
  for (const { atom, factor } of at.terms)
    if (atom.kind === "axis" && !still(atom)) places += Math.abs(factor) * (atom.extent - 1);
  return places;
}
