/** What a conformance case is: a graph, what it is fed, and how far an engine may lie from the reference. */

import type { Scalars } from "../../src/engines/engine.ts";
import { gradients } from "../../src/graph/backward.ts";
import { orderOf } from "../../src/graph/order.ts";
import { input, type Tensor } from "../../src/ops/operation.ts";
import { size } from "../../src/tensor/shape.ts";
import { weighted } from "../compute.ts";
import { randomNumbers } from "../gradients.ts";

export interface Case {
  /** "conv2d: 3×3, stride 2": unique. */
  readonly name: string;
  build(): Built;
}

export interface Built {
  readonly outputs: readonly Tensor[];
  /** Values of tensors that are not computed; those left out are random in −1 … 1. Names are unique within a case. */
  readonly feeds?: ReadonlyMap<Tensor, ArrayLike<number>>;
  readonly scalars?: Scalars;
  /** Length of the longest sum, or the product of those that follow one another. Default 1. */
  readonly terms?: number;
}

/**
 * How far a result may lie from that of the reference in double precision, relative to the greatest value of its tensor or to 1.
 * Each of `terms` additions rounds by half a unit of the last place; the constant covers exponentials and divisions.
 */
export function toleranceOf({ terms = 1 }: Built, bits: 32 | 64 = 32): number {
  return (bits === 32 ? 2 ** -24 : 2 ** -53) * (16 + 2 * terms);
}

/** Values for all tensors that are not computed, as float32 holds them. */
export function feedsOf({ outputs, feeds }: Built): Map<Tensor, Float32Array> {
  const sources = orderOf(outputs).filter((tensor) => tensor.node === undefined);
  return new Map(
    sources.map((tensor, i) => [
      tensor,
      Float32Array.from(feeds?.get(tensor) ?? randomNumbers(size(tensor.shape), i + 1)),
    ]),
  );
}

/** y, and the gradients of Σ y·dy with respect to some tensors, dy random. */
export function withGradients(y: Tensor, wrt: readonly Tensor[]): Tensor[] {
  const found = gradients(weighted(y, input("dy", y.shape)), wrt);
  return [
    y,
    ...found.map((gradient, i) => {
      if (gradient === undefined) throw new Error(`no gradient flows to ${wrt[i].name}`);
      return gradient;
    }),
  ];
}

/** Values between two bounds, evenly spread and out of order: for maps that have kinks or are not defined everywhere. */
export function spread(tensor: Tensor, from: number, to: number): [Tensor, Float32Array] {
  const length = size(tensor.shape);
  return [
    tensor,
    Float32Array.from({ length }, (_, i) => from + ((to - from) * (((i * 7919) % length) + 0.37)) / length),
  ];
}

/** Classes 0 … k − 1 in no order. */
export function classes(tensor: Tensor, k: number): [Tensor, Float32Array] {
  return [tensor, Float32Array.from({ length: size(tensor.shape) }, (_, i) => (i * 5 + 2) % k)];
}
