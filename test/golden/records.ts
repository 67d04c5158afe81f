/** Reads the recorded files of this folder; README.md says what each entry means. */

import { readFileSync } from "node:fs";
import type { FillKind } from "./fill.ts";

/** One run of ten steps in one precision. Lists of norms are in the order of `TrainingRecord.parameters`. */
export interface RecordedRun {
  /** Loss before each of the ten updates. */
  readonly losses: readonly number[];
  /** L2 norm of each parameter after the tenth update. */
  readonly parameterNorms: readonly number[];
  /** Run "sgd" only: logits of image 0 at step 0, in training form. */
  readonly logits?: readonly number[];
  /** Run "sgd" only: L2 norm of each parameter's gradient at step 0, without weight decay. */
  readonly gradientNorms?: readonly number[];
  /** Run "sgd" only: [name, first four values, L2 norm] of the running statistics after the tenth step. */
  readonly runningStats?: readonly (readonly [name: string, first: readonly number[], norm: number])[];
}

export interface RecordedRule {
  readonly rule: "sgd" | "nesterov" | "alexnet";
  readonly weightDecay: number;
  /** From this step on the learning rate is multiplied by `factor`. */
  readonly learningRateDrop?: { readonly fromStep: number; readonly factor: number };
  readonly float32: RecordedRun;
  readonly float64: RecordedRun;
}

export interface TrainingRecord {
  readonly model: string;
  readonly source: string;
  /** [c, h, w] */
  readonly imageShape: readonly [c: number, h: number, w: number];
  readonly batch: number;
  readonly classes: number;
  readonly learningRate: number;
  readonly momentum: number;
  /** Trainable parameters: [name, shape in the reference layout]. */
  readonly parameters: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly runs: Readonly<Record<"sgd" | "nesterov" | "alexnet" | "sgdDecay" | "alexnetDecay", RecordedRule>>;
}

/** A tensor seen through its first 40 values in row-major order, their sum and L2 norm over all values. */
export interface TensorSummary {
  readonly shape: readonly number[];
  readonly first: readonly number[];
  readonly sum: number;
  readonly norm: number;
}

/** How to fill an input, under the name "<case>.<argument>". */
export type RecordedInput =
  | { readonly shape: readonly number[]; readonly kind: FillKind; readonly scale?: number }
  | { readonly shape: readonly number[]; readonly kind: "label"; readonly classes: number };

export interface OperationCase {
  readonly name: string;
  readonly op: string;
  /** Options under PyTorch's names. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, RecordedInput>>;
  readonly outputs: Readonly<Record<string, TensorSummary>>;
  /** With dy filled as "input" under the name "<case>.dy". */
  readonly gradients: Readonly<Record<string, TensorSummary>>;
}

export function readTraining(
  net: "lenet5" | "lenet5-tanh" | "mnist-cnn" | "cifar-resnet-20",
): TrainingRecord {
  return read(`${net}.json`) as TrainingRecord;
}

/** Every recorded case of `op`, or of all operations. */
export function readOperations(op?: string): readonly OperationCase[] {
  const { cases } = read("ops.json") as { cases: readonly OperationCase[] };
  return op === undefined ? cases : cases.filter((entry) => entry.op === op);
}

// The files are written by the scripts beside them: their form is known, so it is asserted and not checked.
function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
}
