/** Activations as layers, and by name. What each computes is said where its operation is. */

import { elu as eluOp } from "../ops/elu.ts";
import { leakyRelu as leakyReluOp } from "../ops/leaky-relu.ts";
import type { Tensor } from "../ops/operation.ts";
import { relu as reluOp } from "../ops/relu.ts";
import { relu6 as relu6Op } from "../ops/relu6.ts";
import { sigmoid as sigmoidOp } from "../ops/sigmoid.ts";
import { hardSigmoid as hardSigmoidOp, hardSwish as hardSwishOp, silu as siluOp } from "../ops/silu.ts";
import { softplus as softplusOp } from "../ops/softplus.ts";
import { tanh as tanhOp } from "../ops/tanh.ts";
import { checkOneOf, checkRange } from "./options.ts";
import type { Layer } from "./scope.ts";

type Elementwise = (inputs: { readonly x: Tensor }, attributes: Record<never, never>) => Tensor;

const layerOf =
  (operation: Elementwise): (() => Layer) =>
  () =>
  (x) =>
    operation({ x }, {});

/** max(0, x). */
export const relu = layerOf(reluOp);
/** min(max(0, x), 6). */
export const relu6 = layerOf(relu6Op);
/** The hyperbolic tangent. */
export const tanh = layerOf(tanhOp);
/** 1 / (1 + e^−x). */
export const sigmoid = layerOf(sigmoidOp);
/** min(max(0, x/6 + 1/2), 1). */
export const hardSigmoid = layerOf(hardSigmoidOp);
/** x·sigmoid(x), also called swish. */
export const silu = layerOf(siluOp);
/** x·hardSigmoid(x). */
export const hardSwish = layerOf(hardSwishOp);
/** log(1 + e^x). */
export const softplus = layerOf(softplusOp);

/** x where x is positive, slope·x elsewhere. Default 0.01, as PyTorch; Darknet has 0.1. */
export function leakyRelu(slope = 0.01): Layer {
  checkRange("leakyRelu", "slope", slope);
  return (x) => leakyReluOp({ x }, { slope });
}

/** x where x is positive, alpha·(e^x − 1) elsewhere. Default 1. */
export function elu(alpha = 1): Layer {
  checkRange("elu", "alpha", alpha);
  return (x) => eluOp({ x }, { alpha });
}

const activations = {
  relu,
  relu6,
  leakyRelu,
  elu,
  silu,
  hardSwish,
  tanh,
  sigmoid,
  hardSigmoid,
  softplus,
} as const;

export type ActivationName = keyof typeof activations;
export const activationNames = Object.keys(activations) as readonly ActivationName[];

/** The activation of this name, with its defaults. */
export function activation(name: ActivationName): Layer {
  checkOneOf("activation", "name", name, activationNames);
  return activations[name]();
}
