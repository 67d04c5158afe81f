/** What lasts between the steps of a learner: parameters, what the optimizer remembers, running statistics, sums of gradients. */

import { StateLayout } from "../graph/state-layout.ts";
import type { Network } from "../nn/network.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { gradientSumName, type Stretches, velocityName } from "./learner-plans.ts";
import type { OptimizerOptions } from "./optimizer.ts";
import { needsVelocity } from "./update.ts";

/** The state of a network in training form, each kind of it in one stretch. Throws where there is nothing to train. */
export function learnerState(
  { parameters: declared, states }: Network,
  optimizer: OptimizerOptions,
  microBatch: number | undefined,
): { readonly state: StateLayout; readonly stretches: Stretches } {
  const state = new StateLayout();
  const parameters = state.append("parameters", declared);
  if (microBatch !== undefined && !(Number.isInteger(microBatch) && microBatch >= 1))
    throw new OptionError(`microBatch is ${microBatch}; it must be a whole number, at least 1.`, {
      microBatch,
    });
  const velocity = needsVelocity(optimizer)
    ? state.append(
        "velocity",
        declared.map((each) => ({ ...each, name: velocityName(each.name) })),
      )
    : undefined;
  state.append("states", states);
  const named = declared.map((each) => ({ ...each, name: gradientSumName(each.name) }));
  const gradientSum =
    microBatch === undefined ? undefined : state.append("gradients", named, { saved: false });
  if (parameters === undefined)
    throw new ShapeError("the model has no parameters: there is nothing to train.");
  return { state, stretches: { parameters, velocity, gradientSum } };
}
