/** The fully connected layer, and flattening before it. */

import { flatten as flattenOp } from "../ops/flatten.ts";
import { linear as linearOp } from "../ops/linear.ts";
import { fans, type Initializer, pytorchDefault, uniform } from "./initializers.ts";
import { checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

export interface LinearOptions {
  /** Whether a number per feature is added. Default true. */
  readonly bias?: boolean;
  /** Default `pytorchDefault`. */
  readonly weightInitializer?: Initializer;
  /** Default uniform on ±1/√fanIn, as PyTorch. */
  readonly biasInitializer?: Initializer;
}

/** x [n, c] → [n, features]; weight [c, features], bias [features]. Images must be flattened first. */
export function linear(features: number, options: LinearOptions = {}): Layer {
  const { bias = true, weightInitializer = pytorchDefault, biasInitializer } = options;
  checkWhole("linear", "features", features);
  return (x, scope) => {
    // Where x is an image, the operation's error says so.
    const shape = [x.shape[1] ?? 1, features];
    const weight = scope.parameter("weight", shape, "matrix", weightInitializer);
    const fromFan = () => uniform(1 / Math.sqrt(fans(shape, "matrix").fanIn));
    const added = bias
      ? scope.parameter("bias", [features], "vector", biasInitializer ?? fromFan())
      : undefined;
    return linearOp({ x, weight, bias: added }, {});
  };
}

/** x [n, h, w, c] → [n, c·h·w], channels first as in PyTorch; rows stay as they are. */
export function flatten(): Layer {
  return (x) => flattenOp({ x });
}
