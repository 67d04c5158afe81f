/**
 * Local response normalisation: each channel divided by a power of its neighbours' mean square.
 *
 *   x [n, h, w, c]  →  y = x · (k + alpha/size · Σ x²)^−beta, the sum over `size` channels around each; others count as 0
 *
 * Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 3.3.
 * The paper does not divide alpha by size. PyTorch and Caffe do, and so do we: the paper's alpha of 1e-4 over 5 channels
 * is 5e-4 here, although most reproductions write 1e-4.
 */

import { over } from "../kernels/formula.ts";
import { type Axis, index } from "../kernels/index-expression.ts";
import { sum, type Value } from "../kernels/value.ts";
import { OptionError } from "../tensor/errors.ts";
import { requireImages } from "./image.ts";
import { neverAgain } from "./never-again.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";

export interface LocalResponseNormAttributes {
  /** Channels that the sum runs over: ⌊size/2⌋ before and the rest from the channel itself on. */
  readonly size: number;
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Default 1, as in PyTorch and Caffe; the paper takes 2. */
  readonly k?: number;
}

export function localResponseNorm(
  { x }: { readonly x: Tensor },
  attributes: LocalResponseNormAttributes,
): Tensor {
  return divideByPower({ x, base: neighbourhood({ x }, attributes) }, attributes);
}

/** k + alpha/size · Σ x² around each channel: a tensor of its own, because the way back needs it too. */
const neighbourhood: Op<"x", LocalResponseNormAttributes> = defineOp({
  name: "localResponseBase",
  shape({ x }, { size, beta = 0.75, k = 1 }) {
    requireImages(x);
    if (!Number.isInteger(size) || size < 1)
      throw new OptionError(`size is ${size}, but must be a whole number of at least 1.`, { size });
    if (!(k > 0)) throw new OptionError(`k is ${k}, but must be above 0.`, { k });
    if (!(beta > 0)) throw new OptionError(`beta is ${beta}, but must be above 0.`, { beta });
    return x;
  },
  value: ({ x }, { size, alpha = 1e-4, k = 1 }, shape) => [
    over(shape, (n, h, w, c) =>
      sum([size], (t) => {
        const each = x.padded(0, n, h, w, neighbour(c, t, Math.floor(size / 2)));
        return each.times(each);
      })
        .times(alpha / size)
        .plus(k),
    ),
  ],
  gradient: ({ x }, dy, attributes) => ({ x: neighbourhoodGradient({ x, dy }, attributes) }),
});

/** dx = 2·alpha/size · x · Σ dy over the channels that have this one around them. */
const neighbourhoodGradient: Op<"x" | "dy", LocalResponseNormAttributes> = defineOp({
  name: "localResponseBaseGradient",
  shape: ({ x }) => x,
  value: ({ x, dy }, { size, alpha = 1e-4 }, shape) => [
    over(shape, (n, h, w, c) =>
      sum([size], (t) => dy.padded(0, n, h, w, neighbour(c, t, size - 1 - Math.floor(size / 2))))
        .times(x.at(n, h, w, c))
        .times((2 * alpha) / size),
    ),
  ],
  gradient: neverAgain("localResponseBaseGradient"),
});

const divideByPower: Op<"x" | "base", LocalResponseNormAttributes> = defineOp({
  name: "localResponseNorm",
  shape: ({ x }) => x,
  value: ({ x, base }, { beta = 0.75 }, shape) => [
    over(shape, (...i) => x.at(...i).over(power(base.at(...i), beta))),
  ],
  gradient: ({ base }, dy, attributes, y) => ({
    x: divideByPower({ x: dy, base }, attributes),
    base: powerGradient({ y, base, dy }, attributes),
  }),
});

/** dBase = −beta · dy · y / base */
const powerGradient: Op<"y" | "base" | "dy", LocalResponseNormAttributes> = defineOp({
  name: "localResponseNormGradient",
  shape: ({ dy }) => dy,
  value: ({ y, base, dy }, { beta = 0.75 }, shape) => [
    over(shape, (...i) =>
      dy
        .at(...i)
        .times(y.at(...i))
        .times(-beta)
        .over(base.at(...i)),
    ),
  ],
  gradient: neverAgain("localResponseNormGradient"),
});

/** base^beta; roots where they do, because a power costs many times as much. */
function power(base: Value, beta: number): Value {
  if (beta === 1) return base;
  if (beta === 0.5) return base.sqrt();
  if (beta === 0.75) return base.sqrt().times(base.sqrt().sqrt());
  return base.power(beta);
}

function neighbour(c: Axis, t: Axis, before: number) {
  return index(c).plus(t).minus(before);
}
