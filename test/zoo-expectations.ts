/**
 * How near a network must come to its record. What is allowed follows from how far the reference in float32 is from itself in
 * float64, where both were recorded: the distance of two correct sums in another order.
 */

import { expect } from "vitest";
import type { Training, TrainingRecord, ZooRecord, ZooSize } from "./zoo.ts";

/** Logits within 10⁻⁴ of their standard deviation, or ten times as far as the reference from its float64 form. */
export function expectLogits(name: string, found: Float32Array, size: ZooSize): void {
  const [, std] = size.logits_mean_std;
  expect(found.length).toBe(size.logits.length);
  const error = greatest(size.logits.map((value, i) => Math.abs(found[i] - value) / std));
  console.log(
    `${name} at ${size.input_shape.slice(2).join("×")}: logits ${short(error)} of their deviation apart`,
  );
  const spread = size.float64?.max_abs_diff_of_float32_over_std ?? 0;
  expect(error).toBeLessThan(Math.max(1e-4, 10 * spread));
}

/**
 * The first loss within 10⁻⁵, the first gradient of each parameter within 10⁻³ of its norm, or three times the spread of the
 * reference; later losses within three times that spread and a hundredth of how far the loss has moved, because one unit that
 * rounding tips changes all gradients behind it.
 */
export function expectTraining(
  name: string,
  found: Training,
  recorded: TrainingRecord,
  record: ZooRecord,
): void {
  const { losses, losses_float64: exact = losses } = recorded;
  const unsteady = unsteadyNetworks[record.model];
  const spreads = losses.map((loss, i) => Math.abs(loss - exact[i]));
  const distances = found.losses.map((loss, i) => Math.abs(loss - exact[i]));
  const gradients = gradientErrors(found, recorded, record);
  const [worst] = gradients;
  console.log(
    `${name}: losses ${distances.map((each, i) => `${short(each / exact[i])} (${short(spreads[i] / exact[i])})`).join(", ")}; ` +
      `gradients ${short(worst.error)} in ${worst.parameter}`,
  );
  expect(distances[0]).toBeLessThan(Math.max(1e-5 * exact[0], 3 * spreads[0]));
  expect(gradients.filter(({ error }) => !(error < (unsteady?.gradients ?? 1e-3)))).toEqual([]);
  for (const [i, distance] of distances.entries()) {
    const moved = greatest(exact.slice(0, i + 1).map((loss) => Math.abs(loss - exact[0])));
    if (unsteady?.laterLosses === "anywhere") expect(found.losses[i]).toBeLessThan(Number.POSITIVE_INFINITY);
    else
      expect(distance).toBeLessThan(
        Math.max(1e-5 * exact[i], 3 * greatest(spreads.slice(0, i + 1)) + 0.01 * moved),
      );
  }
}

interface Unsteady {
  /** How far the first gradient of a parameter may be, as a part of its norm. Default 10⁻³. */
  readonly gradients: number;
  /** Whether what comes after the first step says nothing: the record's own forms end far from each other. */
  readonly laterLosses?: "anywhere";
}

/**
 * Networks, by their records, that amplify rounding: many batch norms over 4 images of few places each, at a learning rate that
 * makes the loss jump. One unit on the other side of 0 moves a gradient by some thousandths, in the reference as here.
 */
const unsteadyNetworks: Readonly<Record<string, Unsteady>> = {};

interface GradientError {
  readonly parameter: string;
  /** |found − recorded| / recorded, less what the reference's own spread allows. */
  readonly error: number;
}

/** Greatest first. */
function gradientErrors(found: Training, recorded: TrainingRecord, record: ZooRecord): GradientError[] {
  const { grad_norms: single, grad_norms_float64: exact = single } = recorded;
  if (single === undefined || exact === undefined)
    throw new Error(`${record.model} has no norms of gradients`);
  const names = trainedNames(record);
  expect(new Set(found.gradientNorms.keys())).toEqual(
    new Set(names.filter((parameter) => !recorded.no_grad_for?.includes(parameter))),
  );
  const all = Math.hypot(...exact);
  const errors = names.flatMap((parameter, i) => {
    const norm = found.gradientNorms.get(parameter);
    if (norm === undefined) return [];
    // What is 0 but for rounding, such as the gradient of a bias before batch norm, has no relative error.
    const scale = Math.max(exact[i], 1e-4 * all);
    const allowed = 3 * Math.abs(single[i] - exact[i]);
    return [{ parameter, error: Math.max(0, Math.abs(norm - exact[i]) - allowed) / scale }];
  });
  return errors.sort((a, b) => b.error - a.error);
}

/** The record's names of trained parameters, in the order of its norms. */
function trainedNames({ parameter_names, tensors }: ZooRecord): readonly string[] {
  // A sentence where they are all tensors but the statistics.
  if (typeof parameter_names !== "string") return parameter_names;
  return tensors.map(([name]) => name).filter((name) => !/\.running_(mean|var)$/.test(name));
}

function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

function short(value: number): string {
  return value.toExponential(1);
}
