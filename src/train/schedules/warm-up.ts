/**
 * Linear warm-up: the rate rises from a hundredth of the base rate to all of it over the first epochs, step by step, and
 * multiplies whatever the schedule says. As PyTorch's LinearLR(start_factor=0.01, total_iters=steps) stepped once a step.
 *
 * Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017, arXiv:1706.02677, section 2.2; the
 * start of 0.01 is that of torchvision's reference training.
 */

import type { SchedulePosition } from "./schedule.ts";

export const warmupStart = 0.01;

/** Steps in which the rate rises. */
export function warmupSteps({ warmupEpochs, stepsPerEpoch }: SchedulePosition): number {
  return Math.round(warmupEpochs * stepsPerEpoch);
}

/** The factor of warm-up at a step: 1 from its end on. */
export function warmupFactor(at: SchedulePosition): number {
  const steps = warmupSteps(at);
  return at.step >= steps ? 1 : warmupStart + ((1 - warmupStart) * at.step) / steps;
}
