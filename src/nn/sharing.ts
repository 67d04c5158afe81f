/** Weights that several places of a network share. */

import type { Tensor } from "../ops/operation.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Scope } from "./scope.ts";

/**
 * The scope, but that a parameter which is declared again is given again: a layer that is applied twice has its weights once, and
 * both places add to their gradients. State is not shared: a batch norm keeps the statistics of one place.
 *
 *   const shared = sharing(scope);
 *   const [a, b] = images.map((x) => shared.child("tower", tower, x));
 *
 * Throws a ShapeError when the second place needs another shape.
 */
export function sharing(scope: Scope): Scope {
  const known = new Map<string, Tensor>();
  const within = (inner: Scope): Scope => ({
    ...inner,
    parameter(name, shape, kind, initialize) {
      const full = inner.path === "" ? name : `${inner.path}.${name}`;
      const before = known.get(full);
      if (before === undefined) {
        const made = inner.parameter(name, shape, kind, initialize);
        known.set(full, made);
        return made;
      }
      if (sameShape(before.shape, shape)) return before;
      throw new ShapeError(
        `${full} is shared: it has shape ${formatShape(before.shape)} at one place and ${formatShape(shape)} at another.`,
        { name: full, shapes: [before.shape, shape] },
      );
    },
    child: (name, layer, x) => inner.child(name, (y, deeper) => layer(y, within(deeper)), x),
  });
  return within(scope);
}
