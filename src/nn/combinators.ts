/** Layers made of layers. What they are called with are the names that their parts have in checkpoints. */

import { add } from "../ops/add.ts";
import type { Tensor } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

/** One layer after the other, and the layers themselves by name. */
export type Sequential = Layer & { readonly layers: Readonly<Record<string, Layer>> };

/**
 * Applies layers in turn. Their keys are their names; a list names them "0", "1", ….
 *
 *   sequential({ conv1: conv2d(64, 7), relu: relu() })
 */
export function sequential(layers: Readonly<Record<string, Layer>> | readonly Layer[]): Sequential {
  const named = Object.fromEntries(Object.entries(layers)) as Readonly<Record<string, Layer>>;
  const names = Object.keys(named);
  const numbered = names.filter((name) => /^\d+$/.test(name));
  if (numbered.length > 0 && numbered.length < names.length)
    throw new OptionError(
      `sequential: numbers and words among the names (${names.join(", ")}): JavaScript walks numbers first, so the order ` +
        "written is lost. Use only numbers or only words.",
      { names },
    );
  const layer: Layer = (x, scope) => {
    let y = x;
    for (const name of names) y = scope.child(name, named[name], y);
    return y;
  };
  return Object.assign(layer, { layers: named });
}

/** `count` layers in turn, named "0", "1", …; `make` is given their index. */
export function repeat(count: number, make: (index: number) => Layer): Sequential {
  checkWhole("repeat", "count", count, 0);
  return sequential(Array.from({ length: count }, (_, index) => make(index)));
}

/** x itself. */
export function identity(): Layer {
  return (x) => x;
}

export interface ResidualOptions {
  /** Applied to the sum, such as `relu()`. Default: nothing. */
  readonly after?: Layer;
}

/**
 * body(x) + shortcut(x). Both name their parts in the block itself: give a single-keyed `sequential` for a level more.
 *
 *   residual(sequential({ conv1, bn1, relu, conv2, bn2 }), sequential({ downsample }), { after: relu() })
 */
export function residual(
  body: Layer,
  shortcut: Layer = identity(),
  { after = identity() }: ResidualOptions = {},
): Layer {
  return (x, scope) => {
    const y: Tensor = body(x, scope);
    return after(add({ a: y, b: shortcut(x, scope) }, {}), scope);
  };
}
