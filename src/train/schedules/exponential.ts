/** Multiplies the rate by γ after every epoch: γ^epoch, as PyTorch's ExponentialLR stepped once an epoch. */

import type { Schedule } from "./schedule.ts";

export function exponential(gamma: number): Schedule {
  return { text: `exponential:${gamma}`, dependsOnEpochs: false, factor: ({ epoch }) => gamma ** epoch };
}
