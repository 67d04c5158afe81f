/** What a step moves between memory and processor, for comparisons with the machine's bandwidth. */

import { visit } from "../kernels/formula.ts";
import type { Operand } from "../kernels/value.ts";
import type { Step } from "./planned.ts";

/** Bytes of the result and of what is read of each operand, each element counted once. Caches may save more, or less. */
export function bytesMoved({ formula }: Pick<Step, "formula">): number {
  /** The boxes that the indices of all reads stay in: lowest and highest index of each dimension. */
  const boxes = new Map<Operand, (readonly [low: number, high: number])[]>();
  let elements = 0;
  for (const { axes, value } of formula) {
    elements += axes.reduce((product, { extent }) => product * extent, 1);
    visit(value, ({ node }) => {
      if (node.kind !== "read") return;
      const { operand, at } = node;
      const before = boxes.get(operand);
      const box = at.map((each, dimension) => {
        const [low, high] = each.range();
        const [lowest, highest] = before?.[dimension] ?? [low, high];
        return [Math.max(0, Math.min(low, lowest)), Math.max(high, highest)] as const;
      });
      boxes.set(operand, box);
    });
  }
  for (const [{ shape }, box] of boxes)
    elements += box.reduce(
      (product, [low, high], dimension) => product * (Math.min(high, shape[dimension] - 1) - low + 1),
      1,
    );
  return 4 * elements;
}
