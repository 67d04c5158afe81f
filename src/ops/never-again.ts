/** For operations of the backward pass that have no gradient of their own. */

import { OptionError } from "../tensor/errors.ts";

/** A gradient that refuses: without it, what flows through a second backward pass would be dropped in silence. */
export function neverAgain(name: string): () => never {
  return () => {
    throw new OptionError(
      `${name}: gradients of gradients are not supported here. Take the first gradient with respect to a tensor behind this layer?`,
      { operation: name },
    );
  };
}
