/** Gradients of a batch that is trained on in parts: summed in memory of their own until the update takes them. */

import type { Update } from "../graph/placement.ts";
import { over } from "../kernels/formula.ts";
import { defineOp, input, type Op, type Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";

/**
 * Adds the gradients of one part to the sums: sum ← kept·sum + share·gradient, over what the sums hold from earlier where `kept` is
 * 0. The two are inputs [1] of the run, `share` the part's share of the batch's images.
 */
export function accumulated(sums: readonly Tensor[], gradients: readonly Tensor[]): Update[] {
  const [share, kept] = [input("share", [1]), input("kept", [1])];
  return within("optimizer", () =>
    sums.map((sum, i) => ({
      target: sum,
      value: accumulate({ sum, gradient: gradients[i], share, kept }, {}),
    })),
  );
}

const accumulate: Op<"sum" | "gradient" | "share" | "kept"> = defineOp({
  name: "accumulate",
  shape: ({ sum }) => sum,
  value: ({ sum, gradient, share, kept }, _, shape) => [
    over(shape, (...i) => {
      const part = gradient.at(...i).times(share.at(0));
      // Not a product with `kept`: what is left of an earlier step may be anything.
      return kept.at(0).select(part.plus(sum.at(...i)), part);
    }),
  ],
});

/** The seed of a part: dropout zeroes other places in each. Parts are numbered from 0, whose seed is the run's. */
export function seedOfPart(seed: number, part: number): number {
  // 2³² divided by the golden ratio: multiples of it are spread over all 32 bits (Knuth, TAOCP 3, section 6.4).
  return (seed ^ Math.imul(part, 0x9e3779b9)) | 0;
}
