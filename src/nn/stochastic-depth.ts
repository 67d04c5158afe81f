/**
 * Stochastic depth, also called drop path: Huang, Sun, Liu, Sedra and Weinberger, "Deep Networks with Stochastic Depth", 2016,
 * arXiv:1603.09382.
 */

import { batchDropout, imageDropout } from "../ops/dropout.ts";
import { scale } from "../ops/scale.ts";
import { OptionError } from "../tensor/errors.ts";
import { checkOneOf, checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

export interface StochasticDepthOptions {
  /**
   * Whether one coin decides for all images of a batch ("batch", the default, as the paper) or each has its own ("image"). Where a
   * batch is computed in parts, each part tosses anew.
   */
  readonly coin?: "batch" | "image";
  /**
   * Where the expectation is kept: "inference" (the default, equation 5) multiplies by the survival probability there,
   * "training" divides by it in training, as torchvision and timm do, and leaves x as it is at inference.
   */
  readonly rescale?: "inference" | "training";
  /**
   * Steps of training over which the probability to drop grows linearly from 0, ScheduledDropPath of Zoph et al., 2017; with
   * rescale "training" alone. Default 0: the same at every step.
   */
  readonly ramp?: number;
}

/**
 * Training keeps all of x with probability `survival` and zeroes it otherwise; for the `drop` of `residual`, whose block is then
 * its shortcut alone. A block that is dropped is computed nevertheless: its gradients are zero, but the running statistics of
 * its batch norms move, where the paper skips it.
 *
 *   residual(body, shortcut, { drop: stochasticDepth(0.8), after: relu() })
 */
export function stochasticDepth(survival: number, options: StochasticDepthOptions = {}): Layer {
  const { coin = "batch", rescale = "inference", ramp = 0 } = options;
  checkSurvival("stochasticDepth", survival);
  checkOneOf("stochasticDepth", "coin", coin, ["batch", "image"]);
  checkOneOf("stochasticDepth", "rescale", rescale, ["inference", "training"]);
  checkWhole("stochasticDepth", "ramp", ramp, 0);
  if (ramp > 0 && rescale === "inference")
    throw new OptionError(
      `stochasticDepth: ramp is ${ramp}, but inference rescales by one survival probability: set rescale to "training".`,
      { ramp, rescale },
    );
  const drop = coin === "batch" ? batchDropout : imageDropout;
  return (x, scope) => {
    if (!scope.training)
      return survival === 1 || rescale === "training" ? x : scale({ x }, { factor: survival });
    // The stream is taken even where it is not used, so that other layers keep theirs.
    const stream = scope.randomStream();
    if (survival === 1) return x;
    return drop({ x }, { probability: 1 - survival, stream, rescale: rescale === "training", ramp });
  };
}

/**
 * Survival probabilities of `blocks` blocks that fall from 1 at the input to `last` at the last block (equation 4):
 * 1 − l/L·(1 − last) for l = 1 … L.
 */
export function linearDecay(blocks: number, last: number): readonly number[] {
  checkWhole("linearDecay", "blocks", blocks);
  checkSurvival("linearDecay", last);
  return Array.from({ length: blocks }, (_, i) => 1 - ((i + 1) / blocks) * (1 - last));
}

function checkSurvival(where: string, survival: number): void {
  if (survival > 0 && survival <= 1) return;
  throw new OptionError(`${where}: survival is ${survival}, but must be above 0 and at most 1.`, {
    survival,
  });
}
