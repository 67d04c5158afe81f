/** Making images larger without parameters. */

import { upsampleBilinear2d, upsampleNearest2d } from "../ops/resize2d.ts";
import { type Pair, pair } from "../ops/window.ts";
import { checkOneOf, checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

export interface UpsampleOptions {
  /** Whether places are repeated ("nearest", the default) or blended from the four around them. */
  readonly mode?: "nearest" | "bilinear";
  /** Of mode "bilinear": whether corners stay on corners. Default false, as PyTorch. */
  readonly alignCorners?: boolean;
}

/** `scale` times as many places along each axis. x [n, h, w, c] → [n, h·scale, w·scale, c]. */
export function upsample(
  scale: Pair,
  { mode = "nearest", alignCorners = false }: UpsampleOptions = {},
): Layer {
  for (const each of pair(scale)) checkWhole("upsample", "scale", each);
  checkOneOf("upsample", "mode", mode, ["nearest", "bilinear"]);
  return (x) =>
    mode === "nearest"
      ? upsampleNearest2d({ x }, { scale })
      : upsampleBilinear2d({ x }, { scale, alignCorners });
}
