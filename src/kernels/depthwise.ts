/** Recognises depthwise convolutions, and input gradients of those at stride 1: each channel has a window of its own. */

import { type Part, visit } from "./formula.ts";
import type { Axis, Index } from "./index-expression.ts";
import { type Layout, linearIndex } from "./layout.ts";
import { isEpilogue, type Read } from "./schedule-contraction.ts";
import type { Operand, Value } from "./value.ts";

/** y[image, p, q, c] = Σ a[image, vertical(p, r), horizontal(q, s), c] · b[r, s, c], and what stands around the sum. */
export interface Depthwise {
  readonly part: Part;
  readonly sum: Value;
  readonly a: Read;
  readonly b: Read;
  /** Axes of images, none or one, of the result's rows and columns, where it has several, and of channels. */
  readonly image: Axis | undefined;
  readonly p: Axis | undefined;
  readonly q: Axis | undefined;
  readonly c: Axis;
  /** Axes of the window. */
  readonly r: Axis;
  readonly s: Axis;
}

/** The part as a depthwise convolution; undefined where it is none. */
export function asDepthwise(
  part: Part,
  target: Layout,
  layoutOf: (operand: Operand) => Layout,
): Depthwise | undefined {
  const sums: Value[] = [];
  visit([part.value], (value) => {
    if (value.node.kind === "reduce") sums.push(value);
  });
  const [sum] = sums;
  if (sums.length !== 1 || sum.node.kind !== "reduce" || sum.node.operator !== "sum") return undefined;
  const body = sum.node.body.node;
  if (body.kind !== "binary" || body.operator !== "times" || !isEpilogue(part.value, sum)) return undefined;
  const taps = sum.node.axes.filter(({ extent }) => extent > 1);
  const axes = part.axes.filter(({ extent }) => extent > 1);
  if (taps.length !== 2 || !part.at.every((at) => at.isAffine())) return undefined;
  for (const [left, right] of [
    [body.a.node, body.b.node],
    [body.b.node, body.a.node],
  ]) {
    if (left.kind !== "read" || right.kind !== "read" || left.at.length !== 4) continue;
    const found = asWindow(part, sum, left, right, axes, taps);
    if (found === undefined) continue;
    // Channels lie side by side.
    const linears = [
      linearIndex(part.at, target),
      linearIndex(left.at, layoutOf(left.operand)),
      linearIndex(right.at, layoutOf(right.operand)),
    ];
    if (linears.every((linear) => linear.factorOf(found.c) === 1)) return found;
  }
  return undefined;
}

function asWindow(
  part: Part,
  sum: Value,
  a: Read,
  b: Read,
  axes: readonly Axis[],
  [r, s]: readonly Axis[],
): Depthwise | undefined {
  if (b.fill !== undefined || (a.fill ?? 0) !== 0 || ![...a.at, ...b.at].every((at) => at.isAffine()))
    return undefined;
  const [atImage, vertical, horizontal, channel] = a.at;
  const c = axes.find((each) => channel.is(each));
  const image = axes.find((each) => atImage.is(each));
  const isFirst = atImage.terms.length === 0 && atImage.constant === 0;
  if (c === undefined || (image === undefined && !isFirst)) return undefined;
  const places = axes.filter((each) => each !== c && each !== image);
  const placeIn = (at: Index) => places.filter((each) => at.factorOf(each) > 0);
  const [rows, columns] = [placeIn(vertical), placeIn(horizontal)];
  const isSliding = (at: Index, own: readonly Axis[], tap: Axis) =>
    at.factorOf(tap) !== 0 && own.length <= 1 && at.terms.length === own.length + 1;
  if (rows.length + columns.length !== places.length) return undefined;
  if (!isSliding(vertical, rows, r) || !isSliding(horizontal, columns, s)) return undefined;
  const usesPlaces = b.at.some((at) => [...places, image].some((each) => each && at.factorOf(each) !== 0));
  return usesPlaces ? undefined : { part, sum, a, b, image, p: rows[0], q: columns[0], c, r, s };
}
