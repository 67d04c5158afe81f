/** Local response normalisation as a layer. Krizhevsky, Sutskever and Hinton, 2012, section 3.3. */

import {
  type LocalResponseNormAttributes,
  localResponseNorm as localResponseNormOp,
} from "../ops/local-response-norm.ts";
import { checkRange, checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

/** Options of the operation but `size`: `alpha`, shared by the `size` channels (default 1e-4), `beta` (0.75) and `k` (1). */
export type LocalResponseNormOptions = Omit<LocalResponseNormAttributes, "size">;

/** x · (k + alpha/size · Σ x²)^−beta, the sum over `size` channels around each. The paper's alpha is not divided by size. */
export function localResponseNorm(size: number, options: LocalResponseNormOptions = {}): Layer {
  checkWhole("localResponseNorm", "size", size);
  checkRange("localResponseNorm", "alpha", options.alpha ?? 0);
  return (x) => localResponseNormOp({ x }, { ...options, size });
}
