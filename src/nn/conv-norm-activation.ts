/** A convolution, batch norm and an activation as one layer. */

import { OptionError } from "../tensor/errors.ts";
import { relu } from "./activations.ts";
import { batchNorm2d } from "./batch-norm2d.ts";
import { type Sequential, sequential } from "./combinators.ts";
import { conv2d } from "./conv2d.ts";
import { heNormal } from "./initializers.ts";
import type { Layer } from "./scope.ts";

export interface ConvNormActivationOptions {
  /** Step of the filter, in places of the input. Default 1. */
  readonly stride?: number;
  /** Default `batchNorm2d()`. */
  readonly norm?: Layer;
  /** Default `relu()`. */
  readonly activation?: Layer;
}

/**
 * `channels` filters of an odd `kernel`, without bias and padded to keep the size, then norm and activation, named 0, 1 and 2
 * as torchvision's Conv2dNormActivation. x [n, h, w, c] → [n, ⌈h/stride⌉, ⌈w/stride⌉, channels].
 */
export function convNormActivation(
  channels: number,
  kernel: number,
  { stride = 1, norm = batchNorm2d(), activation = relu() }: ConvNormActivationOptions = {},
): Sequential {
  const padding = paddingOfOdd("convNormActivation", kernel);
  const convolution = { stride, padding, bias: false, weightInitializer: heNormal };
  return sequential([conv2d(channels, kernel, convolution), norm, activation]);
}

/** Places around the image that keep its size; throws an OptionError unless `kernel` is odd and above 0. */
export function paddingOfOdd(where: string, kernel: number): number {
  if (kernel > 0 && kernel % 2 === 1) return (kernel - 1) / 2;
  throw new OptionError(`${where}: kernel is ${kernel}, but must be odd and above 0.`, { kernel });
}
