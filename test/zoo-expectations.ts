/**
 * How near a network must come to its record. What is allowed follows from how far the reference in float32 is from itself in
 * float64, where both were recorded: the distance of two correct sums in another order.
 */

import { expect } from "vitest";
import {
  normalizes,
  type PixelSummary,
  type RecordInDouble,
  type Training,
  type TrainingRecord,
  type ZooRecord,
  type ZooSize,
} from "./zoo.ts";

/** Logits within 10⁻⁴ of their standard deviation, or ten times as far as the reference from its float64 form. */
export function expectLogits(name: string, found: Float32Array, size: ZooSize): void {
  const { recorded, std, compared } =
    size.output === undefined
      ? { recorded: size.logits, std: size.logits_mean_std[1], compared: found }
      : ofPixels(found, size.output);
  expect(compared.length).toBe(recorded.length);
  const error = greatest(recorded.map((value, i) => Math.abs(compared[i] - value) / std));
  console.log(
    `${name} at ${size.input_shape.slice(2).join("×")}: logits ${short(error)} of their deviation apart`,
  );
  const spread = size.float64?.max_abs_diff_of_float32_over_std ?? 0;
  expect(error).toBeLessThan(Math.max(1e-4, 10 * spread));
}

/**
 * The first loss within 10⁻⁵, the first gradients of parameters within 10⁻³ of their norms, later losses within a twentieth of how
 * far the loss has moved; all besides three times the spread of the reference. So it is with direct sums; with `winograd`, whose
 * rounding is up to three times theirs, the first loss is held to three times as much, and one gradient in ten to 3·10⁻³: a ReLU or a
 * maximum that rounding tips.
 *
 * Batch norm over 4 images of few places amplifies rounding: a unit that it puts on the other side of 0 changes all gradients
 * behind it by some thousandths, and after a step at a high rate the loss by more. Such a network, here as in the reference, is
 * held to 0.003 in half of its gradients, to 0.05 in the others, and to go the recorded way afterwards; that nothing but
 * rounding is behind it is what `expectTrainingInDouble` shows of every network. Where the record has but float32, the first loss is held
 * to 10⁻⁴.
 */
export function expectTraining(
  name: string,
  found: Training,
  recorded: TrainingRecord,
  record: ZooRecord,
  { winograd = false }: { readonly winograd?: boolean } = {},
): void {
  const { losses, losses_float64: precise = losses } = recorded;
  const firstLoss = precise === losses ? 1e-4 : winograd ? 3e-5 : 1e-5;
  const spreads = losses.map((loss, i) => Math.abs(loss - precise[i]));
  const distances = found.losses.map((loss, i) => Math.abs(loss - precise[i]));
  const gradients = gradientErrors(found, recorded, record);
  const [worst] = gradients;
  const middle = gradients[Math.floor(gradients.length / 2)];
  const tenth = gradients[Math.floor(gradients.length / 10)];
  console.log(
    `${name}: losses ${distances.map((each, i) => `${short(each / precise[i])} (${short(spreads[i] / precise[i])})`).join(", ")}; ` +
      `gradients ${short(middle.error)}, at most ${short(worst.error)} in ${worst.parameter}`,
  );
  expect(distances[0]).toBeLessThan(Math.max(firstLoss * precise[0], 3 * spreads[0]));
  const tipped = normalizes(record) && greatest(gradients.map(({ distance }) => distance)) > 1e-4;
  if (tipped) expect(middle.error).toBeLessThan(3e-3);
  else expect(tenth.error).toBeLessThan(1e-3);
  const allowedOfAll = tipped ? 0.05 : winograd ? 3e-3 : 1e-3;
  const apart = gradients.filter(({ error }) => !(error < allowedOfAll));
  expect(apart.slice(0, 5)).toEqual([]);
  for (const i of [1, 2]) {
    const moved = greatest(precise.slice(0, i + 1).map((loss) => Math.abs(loss - precise[0])));
    const allowed = 3 * greatest(spreads.slice(0, i + 1)) + (tipped ? 0.5 : 0.05) * moved;
    expect(distances[i]).toBeLessThan(Math.max(1e-5 * precise[i], allowed));
  }
}

/** In double precision nothing rounds that shows: all losses and gradients equal those in float64 in the eight digits of a record. */
export function expectTrainingInDouble(
  name: string,
  found: Training,
  recorded: TrainingRecord,
  record: ZooRecord,
  { losses, gradientNorms }: RecordInDouble,
): void {
  const errors = losses.map((loss, i) => Math.abs(found.losses[i] - loss) / loss);
  const [worst] = gradientErrors(
    found,
    { ...recorded, grad_norms: gradientNorms, grad_norms_float64: gradientNorms },
    record,
  );
  console.log(
    `${name} in double precision: losses ${errors.map(short).join(", ")}; gradients at most ${short(worst.error)} in ${worst.parameter}`,
  );
  expect(greatest(errors)).toBeLessThan(1e-7);
  expect(worst.error).toBeLessThan(2e-7);
}

/** What is recorded of the logits of pixels, and the same of those found, [n, h, w, c]. */
function ofPixels(
  found: Float32Array,
  { output_shape: [, c, h, w], mean, std, class_means, pixel_0_0, pixel_center }: PixelSummary,
) {
  expect(found.length).toBe(c * h * w);
  const pixel = (i: number, j: number) => found.subarray((i * w + j) * c, (i * w + j + 1) * c);
  const means = Array.from(
    { length: c },
    (_, k) => found.reduce((sum, each, i) => (i % c === k ? sum + each : sum), 0) / (h * w),
  );
  return {
    recorded: [mean, ...class_means, ...pixel_0_0, ...pixel_center],
    std,
    compared: [
      means.reduce((a, b) => a + b, 0) / c,
      ...means,
      ...pixel(0, 0),
      ...pixel(Math.floor(h / 2), Math.floor(w / 2)),
    ],
  };
}

interface GradientError {
  readonly parameter: string;
  /** |found − recorded| / recorded */
  readonly distance: number;
  /** The distance less three times the greatest that the reference's own forms have. */
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
  // What is 0 but for rounding, such as the gradient of a bias before batch norm, has no relative error.
  const scales = exact.map((norm) => Math.max(norm, 1e-4 * all));
  const spread = greatest(single.map((norm, i) => Math.abs(norm - exact[i]) / scales[i]));
  const errors = names.flatMap((parameter, i) => {
    const norm = found.gradientNorms.get(parameter);
    if (norm === undefined) return [];
    const distance = Math.abs(norm - exact[i]) / scales[i];
    return [{ parameter, distance, error: Math.max(0, distance - 3 * spread) }];
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
