/**
 * New values of lasting tensors are written over the old ones by the kernels that compute them, where no step wants the
 * old ones any more; else they are copied there at the end.
 */

import { operandsOf, over } from "../kernels/formula.ts";
import { defineOp, type Op, type Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import type { FusedTensor } from "./fuse.ts";
import { readsInPlace } from "./in-place.ts";
import { memoryOf, type Placement, type Update } from "./placement.ts";
import type { StateLayout } from "./state-layout.ts";

const copy: Op<"x"> = defineOp({
  name: "copy",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (...i) => x.at(...i))],
});

/** The same updates, those that `isUnsafe` names by way of a copy. */
export function copied(
  updates: readonly Update[],
  isUnsafe: (update: Update, position: number) => boolean,
): Update[] {
  return updates.map((update, i) =>
    isUnsafe(update, i) ? { target: update.target, value: copy({ x: update.value }, {}) } : update,
  );
}

/** What a copy at the end copies: it needs memory of its own. */
export function sourcesOf(updates: readonly Update[]): Tensor[] {
  return updates.flatMap(({ value: { node } }) =>
    node?.operation === copy.operation ? [node.inputs.x] : [],
  );
}

/** Whether an update has no kernel that could write its value in place: the value is an input, a view, or two tensors'. */
export function lacksKernel({ value }: Update, earlier: readonly Update[]): boolean {
  return (
    value.node === undefined || memoryOf(value) !== undefined || earlier.some((each) => each.value === value)
  );
}

/** The updates whose kernels would overwrite what they themselves still read elsewhere, or what a later kernel reads. */
export function unsafeUpdates(
  kernels: readonly FusedTensor[],
  updates: readonly Update[],
  placement: Placement,
  state: StateLayout,
): Set<Update> {
  const placeOf = (tensor: Tensor) => {
    const from = state.offsetOf(tensor);
    return { from, to: from + size(tensor.shape) };
  };
  const reads = kernels.flatMap(({ formula }, step) =>
    (operandsOf(formula) as Tensor[]).flatMap((operand) => {
      const root = placement.rootOf(operand);
      return root.role === "parameter" || root.role === "state"
        ? [{ step, operand, root, ...placeOf(root) }]
        : [];
    }),
  );
  const steps = new Map(kernels.map(({ tensor }, step) => [tensor, step]));
  const isUnsafe = ({ target, value }: Update): boolean => {
    const own = placeOf(target);
    const written = steps.get(value) ?? kernels.length;
    return reads.some(({ step, operand, root, from, to }) => {
      if (step < written || to <= own.from || own.to <= from || placement.liesIn(operand, value))
        return false;
      const isSame = root === operand && from === own.from && to === own.to;
      return step > written || !isSame || !readsInPlace(kernels[step].formula, operand, value);
    });
  };
  return new Set(updates.filter(isUnsafe));
}
