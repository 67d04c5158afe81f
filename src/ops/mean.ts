/** The mean of x over some axes, which vanish from the shape. */

import { size } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { scale } from "./scale.ts";
import { broadcastTo, type SumAttributes, sum } from "./sum.ts";

/** Default: all axes. */
export type MeanAttributes = Partial<SumAttributes>;

export const mean: Op<"x", MeanAttributes> = defineOp({
  name: "mean",
  shape: ({ x }, { axes = x.map((_, axis) => axis) }) => sum.operation.shape({ x }, { axes }),
  value: ({ x }, { axes = x.shape.map((_, axis) => axis) }, shape) =>
    sum.operation
      .value({ x }, { axes }, shape)
      .map((part) => ({ ...part, value: part.value.times(size(shape) / size(x.shape)) })),
  gradient({ x }, dy, { axes = x.shape.map((_, axis) => axis) }) {
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const share = scale({ x: reshape({ x: dy }, { shape: kept }) }, { factor: size(kept) / size(x.shape) });
    return { x: broadcastTo({ x: share }, { shape: x.shape }) };
  },
});
