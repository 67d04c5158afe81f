/** Convolutional layers. Channels in are inferred. */

import { type Conv2dAttributes, conv2d as conv2dOp } from "../ops/conv2d.ts";
import { type Padding, type Pair, pair, type Rounding } from "../ops/window.ts";
import { sequential } from "./combinators.ts";
import { fans, type Initializer, pytorchDefault, uniform } from "./initializers.ts";
import { checkWhole, checkWindow } from "./options.ts";
import type { Layer } from "./scope.ts";

export interface ConvolutionOptions {
  /** Step of the filter, in places of the input. Default 1. */
  readonly stride?: Pair;
  /** Zeros around the input, in places, or "same". Default 0. */
  readonly padding?: Padding;
  /** Distance between the filter's taps, in places. Default 1. */
  readonly dilation?: Pair;
  /** Whether a number per filter is added. Default true. */
  readonly bias?: boolean;
  /** "exact" refuses sizes that the stride does not divide. Default "floor". */
  readonly rounding?: Rounding;
  /** Default `pytorchDefault`. */
  readonly weightInitializer?: Initializer;
  /** Default uniform on ±1/√fanIn, as PyTorch. */
  readonly biasInitializer?: Initializer;
}

export interface Conv2dOptions extends ConvolutionOptions {
  /** Into how many parts channels are split, each with filters of its own. Default 1. */
  readonly groups?: number;
}

/** `channels` filters of `kernel` places. x [n, h, w, c] → [n, p, q, channels]; weight [r, s, c/groups, channels], bias. */
export function conv2d(channels: number, kernel: Pair, options: Conv2dOptions = {}): Layer {
  const { groups = 1 } = options;
  checkWhole("conv2d", "channels", channels);
  checkWhole("conv2d", "groups", groups);
  return convolution(kernel, options, () => ({ channels, groups }));
}

export interface DepthwiseOptions extends ConvolutionOptions {
  /** Filters per channel. Default 1. */
  readonly multiplier?: number;
}

/** `multiplier` filters for each channel by itself. x [n, h, w, c] → [n, p, q, c·multiplier]; weight [r, s, 1, c·multiplier]. */
export function depthwiseConv2d(kernel: Pair, options: DepthwiseOptions = {}): Layer {
  const { multiplier = 1 } = options;
  checkWhole("depthwiseConv2d", "multiplier", multiplier);
  return convolution(kernel, options, (c) => ({ channels: c * multiplier, groups: c }));
}

/**
 * A depthwise convolution, then a 1×1 one that mixes channels: parts "depthwise" and "pointwise". Options are the
 * depthwise part's; `bias` is both's. Chollet, "Xception", 2016, arXiv:1610.02357.
 */
export function separableConv2d(channels: number, kernel: Pair, options: DepthwiseOptions = {}): Layer {
  const { bias = true } = options;
  return sequential({
    depthwise: depthwiseConv2d(kernel, options),
    pointwise: conv2d(channels, 1, { bias }),
  });
}

function convolution(
  kernel: Pair,
  options: ConvolutionOptions,
  split: (c: number) => { readonly channels: number; readonly groups: number },
): Layer {
  checkWindow("conv2d", { ...options, kernel });
  const [r, s] = pair(kernel);
  const { bias = true, weightInitializer = pytorchDefault, biasInitializer } = options;
  const sliding = attributesOf(options);
  return (x, scope) => {
    // Where x is no image, or groups do not divide its channels, the operation's error says so.
    const c = x.shape[3] ?? 1;
    const { channels, groups } = split(c);
    const shape = [r, s, Math.max(1, Math.floor(c / groups)), channels];
    const weight = scope.parameter("weight", shape, "filter", weightInitializer);
    const fromFan = () => uniform(1 / Math.sqrt(fans(shape, "filter").fanIn));
    const added = bias
      ? scope.parameter("bias", [channels], "vector", biasInitializer ?? fromFan())
      : undefined;
    return conv2dOp({ x, weight, bias: added }, { ...sliding, groups });
  };
}

/** The operation's part of a layer's options. */
function attributesOf({
  stride = 1,
  padding = 0,
  dilation = 1,
  rounding = "floor",
}: ConvolutionOptions): Conv2dAttributes {
  return { stride, padding, dilation, rounding };
}
