/**
 * Squeeze and excitation: Hu, Shen, Albanie, Sun and Wu, "Squeeze-and-Excitation Networks", 2017, arXiv:1709.01507, section 3.
 */

import { multiply } from "../ops/multiply.ts";
import { relu, sigmoid } from "./activations.ts";
import { sequential } from "./combinators.ts";
import { conv2d } from "./conv2d.ts";
import { heNormal, zeros } from "./initializers.ts";
import { checkWhole } from "./options.ts";
import { globalAvgPool2d } from "./pooling.ts";
import type { Layer } from "./scope.ts";

export interface SqueezeExciteOptions {
  /** Between the two layers. Default `relu()`, the paper's δ. */
  readonly activation?: Layer;
  /** What makes a factor of each number. Default `sigmoid()`, the paper's σ. */
  readonly gate?: Layer;
}

/**
 * Each channel of an image times a factor that depends on the means of all: gate(fc2(activation(fc1(means)))), with `channels`
 * numbers between fc1 and fc2 (the paper's c/r). x [n, h, w, c] → [n, h, w, c]; fc1 and fc2 are 1×1 convolutions with biases.
 */
export function squeezeExcite(channels: number, options: SqueezeExciteOptions = {}): Layer {
  const { activation = relu(), gate = sigmoid() } = options;
  checkWhole("squeezeExcite", "channels", channels);
  const fullyConnected = (features: number) =>
    conv2d(features, 1, { weightInitializer: heNormal, biasInitializer: zeros });
  return (x, scope) => {
    const factors = sequential({
      avgpool: globalAvgPool2d({ keepAxes: true }),
      fc1: fullyConnected(channels),
      activation,
      fc2: fullyConnected(x.shape[3]),
      gate,
    });
    return multiply({ a: x, b: factors(x, scope) }, {});
  };
}
