/**
 * Multiplies the rate by `factor` when the loss has not fallen for more than `patience` epochs, as PyTorch's
 * ReduceLROnPlateau with its defaults: a fall is one below best · (1 − 10⁻⁴), and there is no cooldown.
 *
 * The rule "when the error plateaus" of AlexNet (2012, section 5) and ResNet (2015, section 3.4), without the hand.
 */

import type { Schedule } from "./schedule.ts";

export function plateau(factor = 0.1, patience = 10): Schedule {
  return {
    text: `plateau:${factor}:${patience}`,
    dependsOnEpochs: false,
    factor: (_at, state) => state.factor,
    afterEpoch(state, loss) {
      // A loss that is not finite is no fall: as the best it would also not survive the JSON of a checkpoint.
      const fell = Number.isFinite(loss) && (state.best === null || loss < state.best * (1 - threshold));
      if (fell) return { factor: state.factor, best: loss, badEpochs: 0 };
      const badEpochs = state.badEpochs + 1;
      if (badEpochs <= patience) return { ...state, badEpochs };
      return { factor: state.factor * factor, best: state.best, badEpochs: 0 };
    },
  };
}

const threshold = 1e-4;
