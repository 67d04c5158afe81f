/** Sums that several tasks share: a chunk each, added in order when all are there, so that results do not depend on threads. */

import type { Axis } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { type Contraction, finishedPart } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { renderNest } from "./nest.ts";
import type { Launch, Target } from "./target.ts";

/** Memory for the chunks, [chunks, …axes]; returns the operand and its byte address. Strides are those of a contiguous one where none are given. */
export function placeSums(
  target: Target,
  chunks: number,
  axes: readonly Axis[],
  strides?: readonly number[],
): { readonly operand: Operand; readonly address: number } {
  const operand: Operand = { shape: [chunks, ...axes.map((each) => each.extent)] };
  return { operand, address: target.address(target.place(operand, "scratch", strides)) };
}

/** Adds the chunks in order and computes what stands around the sum. */
export function finishSums(
  target: Target,
  contraction: Contraction,
  layout: Layout,
  operand: Operand,
  axes: readonly Axis[],
): Launch {
  return renderNest(target, [{ part: finishedPart(contraction, operand, axes), layout }]);
}
