/** Mirrored edges in place of zeros. */

import { reflectionPad2d as reflectionPad2dOp } from "../ops/reflection-pad2d.ts";
import { checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

/** `padding` places of the mirror image on each side. x [n, h, w, c] → [n, h + 2·padding, w + 2·padding, c]. */
export function reflectionPad2d(padding: number): Layer {
  checkWhole("reflectionPad2d", "padding", padding, 0);
  return (x) => (padding === 0 ? x : reflectionPad2dOp({ x }, { padding }));
}
