/** The kinds of mistakes Striate reports: one class a kind; the message says what came, what was expected and what to do. */

/** Facts that belong to an error, for programs that want more than its sentence. */
export type ErrorFacts = Readonly<Record<string, unknown>>;

/** Base of all errors that Striate throws on purpose. `facts` holds the values that the message speaks of. */
export class StriateError extends Error {
  readonly facts: ErrorFacts;
  constructor(message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.facts = facts;
  }
}

/** Shapes that do not fit an operation, layer or file. */
export class ShapeError extends StriateError {}

/** An option outside what is allowed. */
export class OptionError extends StriateError {}

/** An engine that is missing, out of memory, or has failed. */
export class EngineError extends StriateError {}

/** Data that cannot be found, read or trusted. */
export class DatasetError extends StriateError {}

/** A checkpoint or weight file that cannot be found, read or trusted. */
export class CheckpointError extends StriateError {}

/** A training run that cannot go on, for example because the loss is not a number. */
export class TrainingError extends StriateError {}
