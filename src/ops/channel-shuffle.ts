/**
 * Channels dealt out over groups: with channels seen as [groups, c/groups], the two axes change places.
 * Zhang et al., "ShuffleNet", 2017, arXiv:1707.01083, section 3.1.
 */

import { scatter } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { requireImages } from "./image.ts";
import { defineOp, type Op } from "./operation.ts";

export const channelShuffle: Op<"x", { readonly groups: number }> = defineOp({
  name: "channelShuffle",
  shape({ x }, { groups }) {
    requireImages(x);
    if (!Number.isInteger(groups) || groups < 1 || x[3] % groups !== 0)
      throw new ShapeError(
        `groups is ${groups}, but must be whole and divide the ${x[3]} channels of x ${formatShape(x)}.`,
        { x, groups },
      );
    return x;
  },
  value({ x }, { groups }, [n, h, w, c]) {
    const perGroup = c / groups;
    return [
      scatter([n, h, w, perGroup, groups], (ni, hi, wi, k, g) => ({
        at: [ni, hi, wi, index(k).times(groups).plus(g)],
        value: x.at(ni, hi, wi, index(g).times(perGroup).plus(k)),
      })),
    ];
  },
  gradient: ({ x }, dy, { groups }) => ({ x: channelShuffle({ x: dy }, { groups: x.shape[3] / groups }) }),
});
