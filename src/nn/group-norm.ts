/** Group normalisation as a layer. Wu and He, "Group Normalization", 2018, arXiv:1803.08494. */

import { groupNorm as groupNormOp } from "../ops/group-norm.ts";
import { OptionError } from "../tensor/errors.ts";
import { ones, zeros } from "./initializers.ts";
import { checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

export interface GroupNormOptions {
  /** Added to the variance before its root is taken. Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * The channels of each of `groups` parts of each image brought to mean 0 and variance 1 together, then times `weight`, plus
 * `bias`. One group is layer normalisation over the image.
 */
export function groupNorm(groups: number, { epsilon = 1e-5 }: GroupNormOptions = {}): Layer {
  checkWhole("groupNorm", "groups", groups);
  if (!(epsilon > 0))
    throw new OptionError(`groupNorm: epsilon is ${epsilon}, but must be above 0.`, { epsilon });
  return (x, scope) => {
    const c = x.shape[x.shape.length - 1];
    const weight = scope.parameter("weight", [c], "vector", ones);
    const bias = scope.parameter("bias", [c], "vector", zeros);
    return groupNormOp({ x, weight, bias }, { groups, epsilon });
  };
}
