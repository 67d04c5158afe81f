/** All transforms; a new one is one file and one line here. */

import { affine } from "./affine.ts";
import { crop } from "./crop.ts";
import { flip } from "./flip.ts";
import { rotate } from "./rotate.ts";
import { shift } from "./shift.ts";
import type { Transform } from "./transform.ts";

export const transforms: readonly Transform[] = [affine, crop, flip, rotate, shift];
