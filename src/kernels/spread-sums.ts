/**
 * Sums over the places of an image, channel by channel, as batch norm takes them: one vector of channels at a time would go through
 * memory once for each, a line here and a line there. So several vectors that lie next to each other are summed together.
 */

import { type Axis, extentOf } from "./index-expression.ts";
import { linearIndex } from "./layout.ts";
import type { PlacedPart } from "./schedule-nest.ts";
import { sideBySide } from "./side-by-side.ts";

/** Places of a sum from which on it is long. */
const leastPlaces = 32;

/** Numbers in a vector, and how many vectors of sums fit into registers beside what is read. */
export interface SumVectors {
  readonly lanes: number;
  readonly sums: number;
}

/** The parts, over the same axes, each as several that go through neighbouring vectors side by side; unchanged where they are not such sums. */
export function spreadSums(placed: readonly PlacedPart[], together: SumVectors): readonly PlacedPart[] {
  const last = placed[0].part.axes.at(-1);
  if (last === undefined || !placed.every((each) => isLongSum(each, last))) return placed;
  return sideBySide(placed, vectorsTogether(last.extent, placed.length, together), together.lanes);
}

/** Whether a part is a sum over many places for each of its channels; windows of few are near each other anyway. */
function isLongSum({ part, layout }: PlacedPart, channels: Axis): boolean {
  const { node } = part.value;
  const isLong = node.kind === "reduce" && extentOf(node.axes) > leastPlaces;
  return isLong && linearIndex(part.at, layout).factorOf(channels) === 1;
}

/** How many vectors: as many as have registers for their sums and divide what there is. */
function vectorsTogether(extent: number, sums: number, together: SumVectors): number {
  let vectors = Math.floor(together.sums / sums);
  while (vectors > 1 && extent % (vectors * together.lanes) !== 0) vectors--;
  return Math.max(1, vectors);
}
