/**
 * What a network takes in memory when it is used: its plan's, not the sum of its layers, since buffers are used again. What
 * training takes depends on loss, optimizer and batch; `Summary` has the estimate of lectures.
 */

import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import type { Network } from "../nn/network.ts";

export interface InferenceMemory {
  /** Parameters and running statistics, 4 bytes a number. */
  readonly weightBytes: number;
  /** Input, maps and outputs at the step where they take most, for the batch that the network was built for. */
  readonly workBytes: number;
}

/** The memory of a network in inference form, as its plan lays it out; an engine's packed copies of weights come on top. */
export function inferenceMemory({ outputs, parameters, states }: Network): InferenceMemory {
  const state = new StateLayout();
  state.append("parameters", parameters);
  state.append("states", states);
  const { workElements, preparedElements } = plan({ outputs, state });
  return { weightBytes: 4 * state.elements, workBytes: 4 * (workElements + preparedElements) };
}
