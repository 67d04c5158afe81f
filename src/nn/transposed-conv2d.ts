/** The transposed convolution, which makes images larger. Channels in are inferred. */

import {
  type TransposedConv2dAttributes,
  transposedConv2d as transposedConv2dOp,
} from "../ops/transposed-conv2d.ts";
import { type Pair, pair } from "../ops/window.ts";
import { fans, type Initializer, pytorchDefault, uniform } from "./initializers.ts";
import { checkWhole, checkWindow } from "./options.ts";
import type { Layer } from "./scope.ts";

/** Options of the operation, documented there, and those of the parameters. */
export interface TransposedConv2dOptions extends TransposedConv2dAttributes {
  /** Whether a number per filter is added. Default true. */
  readonly bias?: boolean;
  /** Default `pytorchDefault`. */
  readonly weightInitializer?: Initializer;
  /** Default uniform on ±1/√fanIn, where PyTorch takes the filters' k/groups·r·s for fanIn. */
  readonly biasInitializer?: Initializer;
  /** Whether the filters stay as they are initialised: a state, not a parameter. Default false. */
  readonly fixed?: boolean;
}

/**
 * Each place of x adds its multiple of `channels` filters of `kernel` places to the output.
 *
 *   x [n, h, w, c] → [n, p, q, channels], p = (h − 1)·stride − 2·padding + dilation·(r − 1) + outputPadding + 1;
 *   weight [r, s, channels/groups, c], bias
 */
export function transposedConv2d(
  channels: number,
  kernel: Pair,
  options: TransposedConv2dOptions = {},
): Layer {
  const {
    bias = true,
    weightInitializer = pytorchDefault,
    biasInitializer,
    fixed = false,
    ...attributes
  } = options;
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = attributes;
  checkWhole("transposedConv2d", "channels", channels);
  checkWhole("transposedConv2d", "groups", groups);
  checkWhole("transposedConv2d", "channels for each group", channels / groups);
  checkWindow("transposedConv2d", { kernel, stride, padding, dilation });
  const [r, s] = pair(kernel);
  return (x, scope) => {
    const shape = [r, s, channels / groups, x.shape[3] ?? 1];
    const weight = fixed
      ? scope.state("weight", shape, weightInitializer, "transposedFilter")
      : scope.parameter("weight", shape, "transposedFilter", weightInitializer);
    const fromFan = () => uniform(1 / Math.sqrt(fans(shape, "transposedFilter").fanIn));
    const added = bias
      ? scope.parameter("bias", [channels], "vector", biasInitializer ?? fromFan())
      : undefined;
    return transposedConv2dOp({ x, weight, bias: added }, attributes);
  };
}
