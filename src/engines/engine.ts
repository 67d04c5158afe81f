/** What an engine is: it gives a model's state memory, turns plans into programs, and runs them. */

import type { Plan } from "../graph/planned.ts";
import type { StateLayout } from "../graph/state-layout.ts";
import type { Numbers } from "../kernels/javascript.ts";

/** `Values` is what comes out of an engine: Float64Array of one that computes in double precision. */
export interface Engine<Values extends Numbers = Float32Array> {
  /** "js", "wasm", "native". */
  readonly name: string;
  /** Threads that work on a step, this one included. */
  readonly threads: number;
  /** Memory for the state of one model, zero at first. Throws an EngineError where it does not fit. */
  open(state: StateLayout): Promise<Session<Values>>;
  /** Ends workers; sessions cannot be used any more. */
  dispose(): void;
}

export interface Session<Values extends Numbers = Float32Array> {
  /** Prepares a plan over this session's state. Programs of one session run one at a time. */
  load(plan: Plan): Promise<Program<Values>>;
  /** A copy of a lasting tensor's values. */
  read(name: string): Values;
  /** Replaces a lasting tensor's values. */
  write(name: string, values: ArrayLike<number>): void;
  dispose(): void;
}

/** Numbers that change from run to run without a new plan. */
export interface Scalars {
  /** Whole numbers that select the random numbers of dropout. Default 0. */
  readonly seed?: number;
  readonly step?: number;
  /** Default 0. */
  readonly learningRate?: number;
}

/**
 * Hears when each step of a run has ended, in milliseconds since the run began; some engines tell all when it is over. Steps
 * that prepare are left out where the state has not changed since.
 */
export type StepEnded = (step: number, atMs: number) => void;

export interface Program<Values extends Numbers = Float32Array> {
  readonly plan: Plan;
  /** Runs all steps. The arrays given back are views that the next run overwrites. */
  run(
    inputs: Readonly<Record<string, ArrayLike<number>>>,
    scalars?: Scalars,
    ended?: StepEnded,
  ): Promise<Record<string, Values>>;
}
