/** Activations as layers, and by name. */

import type { Op } from "../ops/operation.ts";
import { relu as reluOp } from "../ops/relu.ts";
import { sigmoid as sigmoidOp } from "../ops/sigmoid.ts";
import { tanh as tanhOp } from "../ops/tanh.ts";
import { checkOneOf } from "./options.ts";
import type { Layer } from "./scope.ts";

const layerOf =
  (op: Op<"x">): (() => Layer) =>
  () =>
  (x) =>
    op({ x }, {});

/** max(0, x). */
export const relu = layerOf(reluOp);
/** The hyperbolic tangent. */
export const tanh = layerOf(tanhOp);
/** 1 / (1 + e^−x). */
export const sigmoid = layerOf(sigmoidOp);

const activations = { relu, tanh, sigmoid } as const;

export type ActivationName = keyof typeof activations;
export const activationNames = Object.keys(activations) as readonly ActivationName[];

/** The activation of this name. */
export function activation(name: ActivationName): Layer {
  checkOneOf("activation", "name", name, activationNames);
  return activations[name]();
}
