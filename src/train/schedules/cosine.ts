/**
 * Lets the rate fall to zero along half a cosine: (1 + cos(π·t / T)) / 2, with t the steps since warm-up ended and T all
 * steps after it. As PyTorch's CosineAnnealingLR with T_max = T and eta_min = 0 stepped once a step, without restarts.
 *
 * Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, arXiv:1608.03983, equation 5.
 */

import type { Schedule } from "./schedule.ts";
import { warmupSteps } from "./warm-up.ts";

export function cosine(): Schedule {
  return {
    text: "cosine",
    dependsOnEpochs: true,
    factor(at) {
      const warmup = warmupSteps(at);
      const total = at.epochs * at.stepsPerEpoch - warmup;
      const done = Math.max(0, at.step - warmup);
      return done >= total ? 0 : (1 + Math.cos((Math.PI * done) / total)) / 2;
    },
  };
}
