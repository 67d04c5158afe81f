/**
 * LeNet-5: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998, section II.B.
 *
 * Variant "modern" is the network as it is commonly built: ReLU, max pooling and full connections from conv1 to conv2; 61,706
 * parameters. conv1, conv2, fc1, fc2 and fc3 are C1, C3, C5, F6 and the output of the paper's figure 2.
 * Variant "1998" is the paper's: trained subsampling, Table I between S2 and C3, the squashing function of appendix A, and
 * 60,000 parameters up to F6. The paper's output units are radial basis functions with fixed codes; here a linear layer of
 * 850 parameters stands for them, so that all models give logits.
 *
 * Input [n, 28, 28, 1]; the paper's 32×32 are these with the padding of C1. Output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";

export interface LeNet5Options {
  /** Length of the logits. Default 10. */
  readonly classes?: number;
  /** "modern" (the default) or the paper's own layers. */
  readonly variant?: "modern" | "1998";
  /** Of variant "modern": after each layer but the last. Default "relu". */
  readonly activation?: "relu" | "tanh";
  /** Of variant "modern": 2×2, at stride 2. Default "max". */
  readonly pooling?: "max" | "average";
}

export function lenet5({ classes = 10, variant = "modern", ...options }: LeNet5Options = {}): nn.Layer {
  nn.checkOneOf("lenet5", "variant", variant, ["modern", "1998"]);
  if (variant === "modern") return modern(classes, options);
  if (options.activation !== undefined || options.pooling !== undefined)
    throw new OptionError(
      'lenet5: variant "1998" has the activation and pooling of its paper. Leave both options out, or take variant "modern".',
      { variant, ...options },
    );
  throw new OptionError('lenet5: variant "1998" is not built yet.', { variant });
}

function modern(
  classes: number,
  { activation = "relu", pooling = "max" }: Pick<LeNet5Options, "activation" | "pooling">,
): nn.Layer {
  nn.checkOneOf("lenet5", "activation", activation, ["relu", "tanh"]);
  nn.checkOneOf("lenet5", "pooling", pooling, ["max", "average"]);
  const pool = () => (pooling === "max" ? nn.maxPool2d(2) : nn.avgPool2d(2));
  const act = () => nn.activation(activation);
  return nn.sequential({
    conv1: nn.conv2d(6, 5, { padding: 2 }),
    act1: act(),
    pool1: pool(),
    conv2: nn.conv2d(16, 5),
    act2: act(),
    pool2: pool(),
    flatten: nn.flatten(),
    fc1: nn.linear(120),
    act3: act(),
    fc2: nn.linear(84),
    act4: act(),
    fc3: nn.linear(classes),
  });
}
