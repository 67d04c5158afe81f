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
import { checkOneOf } from "../nn/options.ts";
import { add } from "../ops/add.ts";
import { concat } from "../ops/concat.ts";
import { conv2d } from "../ops/conv2d.ts";
import type { Tensor } from "../ops/operation.ts";
import { scale } from "../ops/scale.ts";
import { slice } from "../ops/slice.ts";
import { broadcastTo } from "../ops/sum.ts";
import { tanh } from "../ops/tanh.ts";
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
  /** Of variant "modern": zeros around the image in conv1. Default 2, for 28×28; 0 is for images of the paper's 32×32. */
  readonly padding?: number;
}

export function lenet5({ classes = 10, variant = "modern", ...options }: LeNet5Options = {}): nn.Layer {
  checkOneOf("lenet5", "variant", variant, ["modern", "1998"]);
  if (variant === "modern") return modern(classes, options);
  if (options.activation !== undefined || options.pooling !== undefined || options.padding !== undefined)
    throw new OptionError(
      'lenet5: variant "1998" has the activation, pooling and padding of its paper. Leave these options out, or take variant "modern".',
      { variant, ...options },
    );
  return original(classes);
}

function modern(
  classes: number,
  { activation = "relu", pooling = "max", padding = 2 }: Omit<LeNet5Options, "classes" | "variant">,
): nn.Layer {
  checkOneOf("lenet5", "activation", activation, ["relu", "tanh"]);
  checkOneOf("lenet5", "pooling", pooling, ["max", "average"]);
  const pool = () => (pooling === "max" ? nn.maxPool2d(2) : nn.avgPool2d(2));
  const act = () => nn.activation(activation);
  return nn.sequential({
    conv1: nn.conv2d(6, 5, { padding }),
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

function original(classes: number): nn.Layer {
  const initial = { weightInitializer: paperUniform };
  return nn.sequential({
    c1: nn.conv2d(6, 5, { padding: 2, ...initial }),
    squash1: squash(),
    s2: subsampling(),
    squash2: squash(),
    c3: partialConvolution(),
    squash3: squash(),
    s4: subsampling(),
    squash4: squash(),
    c5: nn.conv2d(120, 5, initial),
    squash5: squash(),
    flatten: nn.flatten(),
    f6: nn.linear(84, initial),
    squash6: squash(),
    output: nn.linear(classes, initial),
  });
}

/** Appendix A: weights uniform on ±2.4/fanIn. */
const paperUniform: nn.Initializer = (shape, kind, key) =>
  nn.uniform(2.4 / nn.fans(shape, kind).fanIn)(shape, kind, key);

/** Equation 6 and appendix A: 1.7159·tanh(2x/3), which is near ±1 at ±1. */
function squash(): nn.Layer {
  return (x) => scale({ x: tanh({ x: scale({ x }, { factor: 2 / 3 }) }, {}) }, { factor: 1.7159 });
}

/**
 * S2 and S4: each 2×2 summed, times a coefficient of its map, plus a bias. That is a convolution of stride 2, map by map, whose
 * four weights are one number, so its multiply-adds are counted as those of a convolution.
 */
function subsampling(): nn.Layer {
  return (x, scope) => {
    const c = x.shape[3];
    const coefficient = scope.parameter("weight", [c], "vector", nn.uniform(2.4 / 4));
    const bias = scope.parameter("bias", [c], "vector", nn.zeros);
    const weight = broadcastTo({ x: coefficient }, { shape: [2, 2, 1, c] });
    return conv2d({ x, weight, bias }, { stride: 2, groups: c });
  };
}

// biome-ignore format: the columns of Table I in its order: the maps of S2 that each map of C3 sees
const table1 = {
  three: [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 0], [5, 0, 1]],
  four: [
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 0], [4, 5, 0, 1], [5, 0, 1, 2],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
  ],
  six: [[0, 1, 2, 3, 4, 5]],
} as const;

/**
 * C3: 16 maps of 5×5 filters, each on its own choice of the 6 maps of S2. Maps that see as many are one convolution in groups
 * over the chosen channels, so that there is no weight that Table I does not have: 1,500, and 16 biases.
 */
function partialConvolution(): nn.Layer {
  const grouped = (columns: readonly (readonly number[])[]) => {
    const convolution = nn.conv2d(columns.length, 5, {
      groups: columns.length,
      bias: false,
      weightInitializer: paperUniform,
    });
    return (x: Tensor, scope: nn.Scope) => convolution(chooseChannels(x, columns.flat()), scope);
  };
  const maps = nn.branches({
    three: grouped(table1.three),
    four: grouped(table1.four),
    six: grouped(table1.six),
  });
  return (x, scope) => add({ a: maps(x, scope), b: scope.parameter("bias", [16], "vector", nn.zeros) }, {});
}

/** These channels of x, in this order; neighbours are taken together. */
function chooseChannels(x: Tensor, channels: readonly number[]): Tensor {
  const runs: { from: number; length: number }[] = [];
  for (const channel of channels) {
    const last = runs.at(-1);
    if (last !== undefined && last.from + last.length === channel) last.length++;
    else runs.push({ from: channel, length: 1 });
  }
  return concat({ ...runs.map((run) => slice({ x }, run)) }, {});
}
