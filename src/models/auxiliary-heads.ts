/**
 * Classifiers on inner layers, which train with the network and are left out afterwards: Szegedy et al., "Going Deeper with
 * Convolutions", 2014, section 5; as regularizers in Szegedy et al., "Rethinking the Inception Architecture", 2015, section 4.
 */

import * as nn from "../nn/index.ts";
import { add } from "../ops/add.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import type { Tensor } from "../ops/operation.ts";
import { scale } from "../ops/scale.ts";

export interface Head {
  /** Its name among the outputs of the training form. */
  readonly output: string;
  /** Its name in the names of parameters. Default: `output`. */
  readonly name?: string;
  /** From the maps of an inner layer to logits [n, classes]. */
  readonly layer: nn.Layer;
}

/**
 * The parts of a network in turn; heads[i] takes what parts[i] gives. Training returns the heads' outputs beside "logits",
 * inference the logits alone. Both declare the same parameters, those of the heads before those of the last part.
 */
export function withHeads(parts: readonly nn.Layer[], heads: readonly Head[]): nn.Layer<nn.NamedTensors> {
  const last = parts[parts.length - 1];
  return (x, scope) => {
    const maps = [x];
    for (const part of parts.slice(0, -1)) maps.push(part(maps[maps.length - 1], scope));
    // Inference declares the heads too, so that both forms have the same parameters, but does not compute them.
    const outputs = heads.map(
      ({ output, name = output, layer }, i) => [output, scope.child(name, layer, maps[i + 1])] as const,
    );
    const logits = last(maps[maps.length - 1], scope);
    return scope.training ? { logits, ...Object.fromEntries(outputs) } : { logits };
  };
}

/** Cross-entropy of "logits", and `weight` times that of every other output. */
export function lossWithHeads(weight: number): nn.Loss {
  return ({ logits, ...heads }, labels, options = {}) => {
    const lossOf = (x: Tensor) => crossEntropy({ x, labels }, options);
    const loss = lossOf(logits);
    const others = Object.values(heads).map(lossOf);
    if (others.length === 0) return loss;
    const sum = others.reduce((a, b) => add({ a, b }, {}));
    return add({ a: loss, b: scale({ x: sum }, { factor: weight }) }, {});
  };
}

export interface PooledHeadOptions {
  /** Average pooling of the maps, to few places. */
  readonly pool: nn.Layer;
  /** A 1×1 convolution of 128 channels, and what follows it. */
  readonly conv: nn.Layer;
  readonly classes: number;
  /** Part of the values before the logits that training leaves out. Default 0. */
  readonly dropout?: number;
}

/** The head of Szegedy et al., 2014, section 5: average pooling, a 1×1 convolution, two linear layers. */
export function pooledHead({ pool, conv, classes, dropout = 0 }: PooledHeadOptions): nn.Layer {
  return nn.sequential({
    pool,
    conv,
    flatten: nn.flatten(),
    fc1: nn.linear(1024),
    relu: nn.relu(),
    dropout: nn.dropout(dropout),
    fc2: nn.linear(classes),
  });
}
