/**
 * Batch normalisation: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
 * Covariate Shift", 2015, arXiv:1502.03167.
 */

import { batchMoments } from "../ops/batch-moments.ts";
import { batchNormInference } from "../ops/batch-norm-inference.ts";
import { batchNormalize } from "../ops/batch-normalize.ts";
import { runningStatistics } from "../ops/running-statistics.ts";
import { OptionError } from "../tensor/errors.ts";
import { size } from "../tensor/shape.ts";
import { type Initializer, ones, zeros } from "./initializers.ts";
import type { Layer } from "./scope.ts";

export interface BatchNorm2dOptions {
  /** Added to the variance before its root is taken. Default 1e-5, as PyTorch; Keras has 1e-3. */
  readonly epsilon?: number;
  /** Share of a new batch in the running statistics. Default 0.1, as PyTorch; Keras calls the rest, 0.99, momentum. */
  readonly momentum?: number;
  /** First values of the factor of each channel. Default `ones`; `zeros` makes a residual block start as its shortcut. */
  readonly weightInitializer?: Initializer;
}

/**
 * Each channel brought to mean 0 and variance 1, then times `weight`, plus `bias`. The training form takes mean and variance
 * of the batch and updates `running_mean` and `running_var` (the variance without bias, as PyTorch), which inference uses.
 */
export function batchNorm2d(options: BatchNorm2dOptions = {}): Layer {
  const { epsilon = 1e-5, momentum = 0.1, weightInitializer = ones } = options;
  if (!(epsilon > 0))
    throw new OptionError(`batchNorm2d: epsilon is ${epsilon}, but must be above 0.`, { epsilon });
  if (!(momentum >= 0 && momentum <= 1))
    throw new OptionError(`batchNorm2d: momentum is ${momentum}, but must be from 0 to 1.`, { momentum });
  return (x, scope) => {
    const c = x.shape[x.shape.length - 1];
    const weight = scope.parameter("weight", [c], "vector", weightInitializer);
    const bias = scope.parameter("bias", [c], "vector", zeros);
    const mean = scope.state("running_mean", [c], zeros);
    const variance = scope.state("running_var", [c], ones);
    if (!scope.training) return batchNormInference({ x, mean, variance, weight, bias }, { epsilon });
    const moments = batchMoments({ x });
    scope.update(mean, runningStatistics({ running: mean, moments }, { momentum, row: 0 }));
    const unbiased = size(x.shape) / c;
    scope.update(variance, runningStatistics({ running: variance, moments }, { momentum, row: 1, unbiased }));
    return batchNormalize({ x, moments, weight, bias }, { epsilon });
  };
}
