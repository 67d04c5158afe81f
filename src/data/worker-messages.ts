/** What a loader and its worker thread say to each other. */

import { DatasetError, OptionError, StriateError } from "../tensor/errors.ts";
import type { Preparation } from "./prepare.ts";
import type { DatasetSource } from "./source.ts";

/** To the worker. */
export type LoaderRequest =
  | { readonly type: "open"; readonly source: DatasetSource; readonly preparation: Preparation }
  | {
      readonly type: "prepare";
      readonly ticket: number;
      readonly indices: Uint32Array;
      readonly epoch: number;
      /** Memory of an earlier batch, given back. */
      readonly memory?: ArrayBuffer;
    };

/** From the worker. */
export type LoaderReply =
  /** Sent once, as soon as the worker's code runs. */
  | { readonly type: "started" }
  | { readonly type: "opened" }
  | {
      readonly type: "batch";
      readonly ticket: number;
      readonly images: Float32Array;
      readonly labels: Float32Array;
    }
  /** Without a ticket when the set could not be opened. */
  | { readonly type: "failed"; readonly ticket?: number; readonly failure: Failure };

/** An error as plain data. */
export interface Failure {
  readonly kind: "dataset" | "option" | "other";
  readonly message: string;
  /** Facts of the error as JSON: they may hold values that a message cannot carry. */
  readonly facts: string;
}

export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const kind = error instanceof DatasetError ? "dataset" : error instanceof OptionError ? "option" : "other";
  return { kind, message, facts: JSON.stringify(error instanceof StriateError ? error.facts : {}) };
}

export function fromFailure({ kind, message, facts }: Failure): StriateError {
  if (kind === "option") return new OptionError(message, JSON.parse(facts));
  const text = kind === "dataset" ? message : `A batch could not be prepared: ${message}`;
  return new DatasetError(text, JSON.parse(facts));
}
