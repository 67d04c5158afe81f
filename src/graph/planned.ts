/** What a plan is: a list of steps over memory that is laid out. */

import type { Formula } from "../kernels/formula.ts";
import type { Layout } from "../kernels/layout.ts";
import type { Operand } from "../kernels/value.ts";
import type { Tensor } from "../ops/operation.ts";
import type { Lifetime } from "./allocate.ts";
import type { StateLayout } from "./state-layout.ts";

/** The two memories of a plan: `work` is free between runs, `state` lasts. A layout's `buffer` is one of these. */
export const memories = { work: 0, state: 1 } as const;

export interface Step {
  /** "layer1.0.conv1: conv2d + relu". */
  readonly name: string;
  readonly tensor: Tensor;
  readonly formula: Formula;
  readonly target: Layout;
  /** Multiply-adds. */
  readonly macs: number;
  /** The operand whose memory the result takes, where it does. */
  readonly inPlaceOf: Tensor | undefined;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly layouts: ReadonlyMap<Operand, Layout>;
  readonly state: StateLayout;
  /** Size of the work memory, in elements. */
  readonly workElements: number;
  /** Work buffers: for people who want to read the plan. */
  readonly buffers: readonly PlannedBuffer[];
  /** Steps, buffers, bytes and peak memory as text. */
  describe(): string;
}

export interface PlannedBuffer extends Lifetime {
  readonly name: string;
  readonly offset: number;
}
