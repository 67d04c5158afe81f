/** Dropout layers: nothing at inference, a random stream of their own in training. */

import { channelDropout as channelDropoutOp, dropout as dropoutOp } from "../ops/dropout.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Layer } from "./scope.ts";

/**
 * Training zeroes each element with `probability` and divides the others by 1 − probability; inference gives x itself.
 * Srivastava et al., 2014.
 */
export function dropout(probability = 0.5): Layer {
  return masked("dropout", dropoutOp, probability);
}

/** As dropout, but whole channels of an image at once. Tompson et al., 2014 (SpatialDropout). */
export function channelDropout(probability = 0.5): Layer {
  return masked("channelDropout", channelDropoutOp, probability);
}

function masked(name: string, op: typeof dropoutOp, probability: number): Layer {
  if (!(probability >= 0 && probability < 1))
    throw new OptionError(`${name}: probability is ${probability}, but must be at least 0 and below 1.`, {
      probability,
    });
  return (x, scope) => {
    if (!scope.training) return x;
    // The stream is taken even where it is not used, so that the other dropouts keep theirs.
    const stream = scope.randomStream();
    return probability === 0 ? x : op({ x }, { probability, stream });
  };
}
