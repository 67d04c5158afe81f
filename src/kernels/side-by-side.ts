/** Several neighbouring vectors in each round of a nest. */

import { type Part, substitute } from "./formula.ts";
import { type Axis, axis, type Index, index } from "./index-expression.ts";
import type { PlacedPart } from "./schedule-nest.ts";

/** Parts over the same axes, each as several for neighbouring vectors of so many lanes along the last axis: together they divide it. */
export function sideBySide(
  placed: readonly PlacedPart[],
  vectors: number,
  lanes: number,
): readonly PlacedPart[] {
  const { axes } = placed[0].part;
  const last = axes.at(-1);
  if (last === undefined || vectors === 1) return placed;
  const width = vectors * lanes;
  const block = axis(`${last.name}Block`, last.extent / width);
  const lane = axis(`${last.name}Lane`, lanes);
  return placed.flatMap(({ part, layout }) =>
    Array.from({ length: vectors }, (_, i) => {
      const at = index(block)
        .times(width)
        .plus(i * lanes)
        .plus(lane);
      const replacement = new Map<Axis, Index>([[last, at]]);
      const moved: Part = {
        axes: [...axes.slice(0, -1), block, lane],
        at: part.at.map((each) => each.substitute(replacement)),
        value: substitute(part.value, replacement),
      };
      return { part: moved, layout };
    }),
  );
}
