/**
 * Inverted residuals: Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018,
 * arXiv:1801.04381, section 3.
 */

import { relu6 } from "./activations.ts";
import { batchNorm2d } from "./batch-norm2d.ts";
import { identity, residual, sequential } from "./combinators.ts";
import { paddingOfOdd } from "./conv-norm-activation.ts";
import { conv2d, depthwiseConv2d } from "./conv2d.ts";
import { heNormal } from "./initializers.ts";
import { checkAboveZero, checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

/** A convolution with what follows it, or a layer by itself. */
export type InvertedResidualPart = Layer | readonly Layer[];

export interface InvertedResidualOptions {
  /** Edge of the depthwise convolution, odd. Default 3. */
  readonly kernel?: number;
  /** Step of the depthwise convolution. Default 1. */
  readonly stride?: number;
  /** After the first two convolutions. Default `relu6()`; the third has none. */
  readonly activation?: Layer;
  /** After each convolution. Default `batchNorm2d()`. */
  readonly norm?: Layer;
  /** Between the depthwise and the last convolution, such as squeeze and excitation. Default: nothing. */
  readonly excite?: (expanded: number) => Layer;
  /** Applied to what is added to x, such as `stochasticDepth(0.8)`. Default: nothing. */
  readonly drop?: Layer;
  /** How the parts are named. Default: block.0.0, block.0.1, … block.1.0, a layer by itself block.2, as torchvision. */
  readonly arrange?: (parts: readonly InvertedResidualPart[]) => Layer;
}

/**
 * A 1×1 convolution that widens to `expanded` channels, a depthwise one, and a 1×1 to `channels`. x is added where the shape
 * stays. `{ times: t }` widens to t times the channels of x; where nothing is widened, there is no first convolution.
 * x [n, h, w, c] → [n, h/stride, w/stride, channels].
 */
export function invertedResidual(
  expanded: number | { readonly times: number },
  channels: number,
  options: InvertedResidualOptions = {},
): Layer {
  const { kernel = 3, stride = 1, activation = relu6(), norm = batchNorm2d(), excite } = options;
  const { drop = identity(), arrange = nested } = options;
  if (typeof expanded === "number") checkWhole("invertedResidual", "expanded", expanded);
  else checkAboveZero("invertedResidual", "times", expanded.times);
  checkWhole("invertedResidual", "channels", channels);
  checkWhole("invertedResidual", "stride", stride);
  const padding = paddingOfOdd("invertedResidual", kernel);
  const initial = { bias: false, weightInitializer: heNormal };
  return (x, scope) => {
    const c = x.shape[3];
    const wide = typeof expanded === "number" ? expanded : Math.round(expanded.times * c);
    const body = arrange([
      ...(wide === c ? [] : [[conv2d(wide, 1, initial), norm, activation]]),
      [depthwiseConv2d(kernel, { stride, padding, ...initial }), norm, activation],
      ...(excite === undefined ? [] : [excite(wide)]),
      [conv2d(channels, 1, initial), norm],
    ]);
    const keepsShape = stride === 1 && c === channels;
    return (keepsShape ? residual(body, identity(), { drop }) : body)(x, scope);
  };
}

function nested(parts: readonly InvertedResidualPart[]): Layer {
  return sequential({
    block: sequential(parts.map((part) => (typeof part === "function" ? part : sequential(part)))),
  });
}
