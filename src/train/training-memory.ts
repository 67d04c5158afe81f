/** What a training step takes in memory, by its plan: nothing is computed, and no engine is needed to know. */

import { build } from "../nn/network.ts";
import type { LearnerOptions } from "./learner-options.ts";
import { learnerPlan } from "./learner-plans.ts";
import { learnerState } from "./learner-state.ts";
import { sgd } from "./optimizer.ts";

export interface TrainingMemory {
  /** Parameters, running statistics and what the optimizer remembers, 4 bytes a number. */
  readonly stateBytes: number;
  /** Images, maps, gradients and all else at the step where they take most. */
  readonly workBytes: number;
}

/** The memory of a step of `createLearner(options)` with `count` images; an engine's packed copies of weights come on top. */
export function trainingMemory(options: Omit<LearnerOptions, "engine">, count: number): TrainingMemory {
  const { imageShape, microBatch, model, optimizer = sgd() } = options;
  const blueprint = build(model, { input: [2, ...imageShape], training: true });
  const { state, stretches } = learnerState(blueprint, optimizer, microBatch);
  const inParts = microBatch !== undefined && microBatch < count;
  const plan = learnerPlan(
    inParts ? "accumulate" : "train",
    inParts ? microBatch : count,
    { ...options, optimizer },
    state,
    stretches,
  );
  return { stateBytes: 4 * state.elements, workBytes: 4 * (plan.workElements + plan.preparedElements) };
}
