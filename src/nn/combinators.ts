/** Layers made of layers. What they are called with are the names that their parts have in checkpoints. */

import { add } from "../ops/add.ts";
import { concat } from "../ops/concat.ts";
import { multiply } from "../ops/multiply.ts";
import type { Tensor } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { sigmoid } from "../ops/sigmoid.ts";
import { pad } from "../ops/slice.ts";
import { subsample } from "../ops/subsample.ts";
import { subtract } from "../ops/subtract.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
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

/** Layers in turn, as `sequential`, without names of their own: those of their parts are in the block itself. */
export function inTurn(...layers: readonly Layer[]): Layer {
  return (x, scope) => layers.reduce((y, layer) => layer(y, scope), x);
}

/** x itself. */
export function identity(): Layer {
  return (x) => x;
}

export interface ResidualOptions {
  /** Applied to the sum, such as `relu()`. Default: nothing. */
  readonly after?: Layer;
  /** Applied to body(x) before the sum, such as `stochasticDepth(0.8)`. Default: nothing. */
  readonly drop?: Layer;
}

/**
 * body(x) + shortcut(x). Both name their parts in the block itself: give a single-keyed `sequential` for a level more.
 *
 *   residual(sequential({ conv1, bn1, relu, conv2, bn2 }), sequential({ downsample }), { after: relu() })
 */
export function residual(
  body: Layer,
  shortcut: Layer = identity(),
  { after = identity(), drop = identity() }: ResidualOptions = {},
): Layer {
  return (x, scope) => {
    const y: Tensor = drop(body(x, scope), scope);
    return after(add({ a: y, b: shortcut(x, scope) }, {}), scope);
  };
}

/**
 * h·t + x·(1 − t), with the state h = relu(transform(x)) and the gate t = sigmoid(gate(x)), which carries x where it is 0. Its parts
 * are named "h" and "t". Srivastava, Greff and Schmidhuber, "Training Very Deep Networks", 2015, arXiv:1507.06228, equation 3.
 *
 *   highway(conv2d(32, 3, { padding: 1 }), conv2d(32, 3, { padding: 1, biasInitializer: constant(-2) }))
 */
export function highway(transform: Layer, gate: Layer): Layer {
  return (x, scope) => {
    const h = relu({ x: scope.child("h", transform, x) }, {});
    const t = sigmoid({ x: scope.child("t", gate, x) }, {});
    return add({ a: x, b: multiply({ a: t, b: subtract({ a: h, b: x }, {}) }, {}) }, {});
  };
}

/**
 * Shortcut of option A in He et al., 2015, section 3.3, without parameters: every `stride`-th place, and zero channels, half
 * of them before and half after those of x, for `channels` in all.
 */
export function paddedShortcut(channels: number, stride: number): Layer {
  checkWhole("paddedShortcut", "channels", channels);
  checkWhole("paddedShortcut", "stride", stride);
  return (x, scope) => {
    const added = channels - x.shape[x.shape.length - 1];
    if (added < 0)
      throw new ShapeError(
        `paddedShortcut at ${scope.path}: x ${formatShape(x.shape)} has more than ${channels} channels.`,
        { x: x.shape, channels },
      );
    const y = stride === 1 ? x : subsample({ x }, { stride });
    if (added === 0) return y;
    const before = Math.floor(added / 2);
    return pad({ x: y }, { before: [0, 0, 0, before], after: [0, 0, 0, added - before] });
  };
}

/**
 * Applies each layer to x and joins their channels, in the order of the keys, which are the layers' names. Images must come
 * out with the same height and width.
 */
export function branches(layers: Readonly<Record<string, Layer>> | readonly Layer[]): Layer {
  const { layers: named } = sequential(layers);
  return (x, scope) =>
    concat({ ...Object.entries(named).map(([name, layer]) => scope.child(name, layer, x)) }, {});
}
