/** What a learning-rate schedule is: a factor on the base rate, by position in the training. */

/** Where in the training a step is. */
export interface SchedulePosition {
  /** Updates done before this one, from the start of the training. */
  readonly step: number;
  /** Epochs done before this one. */
  readonly epoch: number;
  readonly stepsPerEpoch: number;
  /** Epochs of the whole training. */
  readonly epochs: number;
  /** Epochs, whole or not, in which warm-up raises the rate. */
  readonly warmupEpochs: number;
}

/** What a schedule remembers between epochs, as it is kept in checkpoints; only `plateau` has anything to remember. */
export interface ScheduleState {
  /** Product of the reductions so far. */
  readonly factor: number;
  /** Least loss so far, and the epochs since; null before the first. */
  readonly best: number | null;
  readonly badEpochs: number;
}

export const initialScheduleState: ScheduleState = { factor: 1, best: null, badEpochs: 0 };

export interface Schedule {
  /** As the command line says it: "multistep:80,120:0.1". `parseSchedule` of it gives the same schedule. */
  readonly text: string;
  /** Whether the rates of early steps depend on how many epochs will follow, so that a run cannot be lengthened. */
  readonly dependsOnEpochs: boolean;
  /** The factor on the base learning rate at a step. */
  factor(at: SchedulePosition, state: ScheduleState): number;
  /** The state after an epoch with this loss (of the validation images, or of the training ones without any). */
  afterEpoch?(state: ScheduleState, loss: number): ScheduleState;
}
