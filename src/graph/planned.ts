/** What a plan is: a list of steps over memory that is laid out. */

import type { Formula } from "../kernels/formula.ts";
import type { Layout } from "../kernels/layout.ts";
import type { Operand } from "../kernels/value.ts";
import type { Tensor } from "../ops/operation.ts";
import type { Lifetime } from "./allocate.ts";
import type { StateLayout } from "./state-layout.ts";

/**
 * The memories of a plan: `work` is free between runs, `state` lasts, `prepared` lasts as long as the state stays as it is. A
 * layout's `buffer` is one of these.
 */
export const memories = { work: 0, state: 1, prepared: 2 } as const;

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
  /**
   * How many of the first steps read nothing but the state. What they compute, in `prepared` memory, holds until the state
   * changes: a run may leave them out while it has not. 0 where the plan changes the state itself.
   */
  readonly preparation: number;
  /** Whether a run changes the state. */
  readonly changesState: boolean;
  /** Sizes of the memories, in elements. */
  readonly workElements: number;
  readonly preparedElements: number;
  /** Work buffers: for people who want to read the plan. */
  readonly buffers: readonly PlannedBuffer[];
  /** Steps, buffers, bytes and peak memory as text. */
  describe(): string;
}

export interface PlannedBuffer extends Lifetime {
  readonly name: string;
  readonly offset: number;
}
