/**
 * Multiplies the rate by γ every `every` epochs: γ^⌊epoch / every⌋, as PyTorch's StepLR stepped once an epoch.
 *
 * The schedule of AlexNet by hand (Krizhevsky, Sutskever and Hinton, 2012, section 5) made regular, as in Caffe's "step".
 */

import type { Schedule } from "./schedule.ts";

export function step(every: number, gamma = 0.1): Schedule {
  return {
    text: `step:${every}:${gamma}`,
    dependsOnEpochs: false,
    factor: ({ epoch }) => gamma ** Math.floor(epoch / every),
  };
}
