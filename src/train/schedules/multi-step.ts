/**
 * Multiplies the rate by γ at each of the given epochs, as PyTorch's MultiStepLR stepped once an epoch. Epochs are counted
 * from the start of the training, warm-up included, as in Goyal et al., arXiv:1706.02677, section 5.1.
 *
 * He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, section 4.2 (32k and 48k iterations).
 */

import type { Schedule } from "./schedule.ts";

export function multiStep(milestones: readonly number[], gamma = 0.1): Schedule {
  return {
    text: `multistep:${milestones.join(",")}:${gamma}`,
    dependsOnEpochs: false,
    factor: ({ epoch }) => gamma ** milestones.filter((milestone) => milestone <= epoch).length,
  };
}
