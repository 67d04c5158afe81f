/** From the record of a model in a checkpoint to its layers. */

import { networkOf } from "../models/registry.ts";
import type { Loss } from "../nn/loss.ts";
import type { NamedTensors } from "../nn/network.ts";
import type { Layer } from "../nn/scope.ts";
import type { Tensor } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import type { ModelRecord } from "./checkpoint.ts";

export interface RecordedNetwork {
  /** What a learner is made of. */
  readonly trained: { readonly model: Layer<Tensor | NamedTensors>; readonly loss?: Loss };
  /** Length of the logits. */
  readonly classes: number;
  /** Whether it has auxiliary heads, which are used in training alone. */
  readonly auxiliary: boolean;
}

/** The network that a record names. Throws an OptionError when there is no such model, or its options are not what they must be. */
export function recordedNetwork({ name, options }: ModelRecord): RecordedNetwork {
  const { classes, auxiliary = false } = options;
  if (typeof classes !== "number")
    throw new OptionError(`${name}: the number of classes is missing.`, { options });
  if (typeof auxiliary !== "boolean")
    throw new OptionError(`${name}: auxiliary is ${auxiliary}, but must be true or false.`, { options });
  const { layers, ...loss } = networkOf(name, { classes, auxiliary });
  return { trained: { model: layers, ...loss }, classes, auxiliary };
}
