/** The plans of a learner: a network with its loss, and what is done with the gradients. */

import { gradients } from "../graph/backward.ts";
import type { Update } from "../graph/placement.ts";
import { plan } from "../graph/plan.ts";
import type { Plan } from "../graph/planned.ts";
import { recomputing } from "../graph/recompute.ts";
import type { StateLayout } from "../graph/state-layout.ts";
import type { LossOptions } from "../nn/loss.ts";
import { build, type NamedTensors, type Network } from "../nn/network.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input, state, type Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { accumulated } from "./accumulate.ts";
import type { LearnerOptions } from "./learner-options.ts";
import type { OptimizerOptions } from "./optimizer.ts";
import { type SgdTensors, sgdUpdates } from "./update.ts";

/**
 * "train" is a whole step, "evaluate" the inference form with its loss. A batch in parts takes an "accumulate" for each, then one
 * "update".
 */
export type LearnerForm = "train" | "evaluate" | "accumulate" | "update";

/** Lasting tensors, each kind as one vector. */
export interface Stretches {
  readonly parameters: Tensor;
  readonly velocity: Tensor | undefined;
  /** Sums over the parts of a batch, where it may have several. */
  readonly gradientSum: Tensor | undefined;
}

export interface PlanOptions extends Omit<LearnerOptions, "engine"> {
  readonly optimizer: OptimizerOptions;
}

/** Name in the state of a parameter's velocity. */
export function velocityName(parameter: string): string {
  return `optimizer.${parameter}.velocity`;
}

/** Name in the state of the sum of a parameter's gradients. */
export function gradientSumName(parameter: string): string {
  return `gradient.${parameter}`;
}

/** The plan of a form at a batch size. */
export function learnerPlan(
  form: LearnerForm,
  count: number,
  options: PlanOptions,
  layout: StateLayout,
  stretches: Stretches,
): Plan {
  const { model, imageShape, labelSmoothing = 0, optimizer, recompute = "none" } = options;
  if (form === "accumulate" || form === "update") {
    const { gradientSum } = stretches;
    if (gradientSum === undefined)
      throw new OptionError(`there is no plan to ${form}: the learner has no microBatch.`, { form });
    if (form === "update") return plan({ ...updateOf([gradientSum]), state: layout });
  }
  const training = form !== "evaluate";
  const network = build(model, { input: [count, ...imageShape], training });
  const labels = input("labels", logitsOf(network.outputs).shape.slice(0, -1));
  const { loss: lossOf = crossEntropyOfLogits } = options;
  const loss = within("loss", () => lossOf(network.outputs, labels, { labelSmoothing }));
  const outputs = { loss, logits: logitsOf(network.outputs) };
  if (!training) return plan({ outputs, state: layout });
  const found = gradientsOf(network, loss);
  const sums = () =>
    network.parameters.map(({ name, shape, kind }) => state(gradientSumName(name), shape, kind));
  const each = network.parameters.map(({ name, shape, kind, tensor }) => ({
    weight: tensor,
    velocity: state(velocityName(name), shape, kind),
  }));
  const step =
    form === "accumulate" ? { outputs: {}, updates: accumulated(sums(), found) } : updateOf(found, each);
  const results = {
    outputs: { ...outputs, ...step.outputs },
    updates: [...network.updates.map(({ state, value }) => ({ target: state, value })), ...step.updates],
  };
  return plan({ ...recomputing(results, loss, recompute), state: layout });

  function updateOf(
    gradients: readonly Tensor[],
    each?: SgdTensors["each"],
  ): { outputs: NamedTensors; updates: Update[] } {
    const { parameters, velocity } = stretches;
    const tensors = { parameters, velocity, gradients, ...(each === undefined ? {} : { each }) };
    const { updates, gradientNorm } = sgdUpdates(tensors, optimizer);
    return { outputs: gradientNorm === undefined ? {} : { squaredNorm: gradientNorm }, updates };
  }
}

function crossEntropyOfLogits(outputs: NamedTensors, labels: Tensor, options: LossOptions = {}): Tensor {
  return crossEntropy({ x: logitsOf(outputs), labels }, options);
}

/** Logits of images [n, classes] or of pixels [n, h, w, classes]; a ShapeError where a model has neither. */
export function logitsOf(outputs: NamedTensors): Tensor {
  const logits = outputs.logits;
  if (logits?.shape.length === 2 || logits?.shape.length === 4) return logits;
  const came = Object.entries(outputs).map(([name, { shape }]) => `${name} ${formatShape(shape)}`);
  throw new ShapeError(
    `the model must return logits [n, classes] or [n, h, w, classes]; it returns ${came.join(", ")}.`,
    {
      outputs: came,
    },
  );
}

/** Gradients of all parameters, in their order. Throws a ShapeError that names those without one. */
function gradientsOf(network: Network, loss: Tensor): Tensor[] {
  const found = gradients(
    loss,
    network.parameters.map((each) => each.tensor),
  );
  const missing = network.parameters.filter((_, i) => found[i] === undefined).map((each) => each.name);
  if (missing.length > 0)
    throw new ShapeError(`the loss does not depend on ${missing.join(", ")}: leave these parameters out.`, {
      missing,
    });
  return found.filter((each) => each !== undefined);
}
