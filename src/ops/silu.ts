/**
 * x·sigmoid(x), also called swish: Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017; and its
 * piecewise linear stand-in x·hardSigmoid(x): Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
 */

import { clip } from "./clip.ts";
import { multiply } from "./multiply.ts";
import type { Tensor } from "./operation.ts";
import { scale } from "./scale.ts";
import { sigmoid } from "./sigmoid.ts";

export function silu({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  return multiply({ a: x, b: sigmoid({ x }, {}) }, {});
}

/** min(max(0, x/6 + 1/2), 1) */
export function hardSigmoid({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  return clip({ x: scale({ x }, { factor: 1 / 6, offset: 0.5 }) }, { low: 0, high: 1 });
}

/** x·min(max(0, x/6 + 1/2), 1) */
export function hardSwish({ x }: { readonly x: Tensor }, _attributes: Record<never, never> = {}): Tensor {
  return multiply({ a: x, b: hardSigmoid({ x }) }, {});
}
