/**
 * New values of lasting tensors are written over the old ones by the kernels that compute them, where no step wants the
 * old ones any more; else they are copied there at the end.
 */

import { operandsOf, over } from "../kernels/formula.ts";
import { contiguousLayout, isContiguous } from "../kernels/layout.ts";
import { defineOp, type Op, type Tensor } from "../ops/operation.ts";
import type { FusedTensor } from "./fuse.ts";
import { readsInPlace } from "./in-place.ts";
import { isWrittenAnew, type Placement, type Update } from "./placement.ts";
import { memories } from "./planned.ts";
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
  return !isWrittenAnew(value) || earlier.some((each) => each.value === value);
}

/** Elements of the state from the first on to before the last. */
interface Place {
  readonly from: number;
  readonly to: number;
  readonly hasGaps: boolean;
}

/** The updates whose kernels would overwrite what they themselves still read elsewhere, or what a later kernel reads. */
export function unsafeUpdates(
  kernels: readonly FusedTensor[],
  updates: readonly Update[],
  placement: Placement,
  state: StateLayout,
): Set<Update> {
  /** Where in the state a tensor lies; undefined where it is elsewhere. */
  const placeOf = (tensor: Tensor): Place | undefined => {
    const { role } = placement.rootOf(tensor);
    if (role !== "parameter" && role !== "state") return undefined;
    const { offset, strides, buffer } = placement.layoutOf(tensor, (root) =>
      contiguousLayout(memories.state, root.shape, state.offsetOf(root)),
    );
    const last = tensor.shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset);
    return { from: offset, to: last + 1, hasGaps: !isContiguous({ offset, strides, buffer }, tensor.shape) };
  };
  const reads = kernels.flatMap(({ formula }, step) =>
    (operandsOf(formula) as Tensor[]).flatMap((operand) => {
      const place = placeOf(operand);
      return place === undefined ? [] : [{ step, operand, place }];
    }),
  );
  // A value that is put together of several is written by as many kernels, each in its time.
  const writes = new Map<Tensor, { step: number; tensor: Tensor; place: Place }[]>(
    updates.map(({ value }) => [value, []]),
  );
  for (const [step, { tensor }] of kernels.entries())
    for (const holder of placement.holdersOf(tensor)) {
      const place = writes.has(holder) ? placeOf(tensor) : undefined;
      if (place !== undefined) writes.get(holder)?.push({ step, tensor, place });
    }
  const isUnsafe = ({ value }: Update): boolean =>
    writes.get(value)?.some((written) =>
      reads.some(({ step, operand, place }) => {
        if (step < written.step || place.to <= written.place.from || written.place.to <= place.from)
          return false;
        if (placement.liesIn(operand, value)) return false;
        const isSame = place.from === written.place.from && place.to === written.place.to && !place.hasGaps;
        return (
          step > written.step || !isSame || !readsInPlace(kernels[step].formula, operand, written.tensor)
        );
      }),
    ) ?? false;
  return new Set(updates.filter(isUnsafe));
}
