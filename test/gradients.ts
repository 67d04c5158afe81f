/** Checks of gradients in double precision on the js engine: adjoints for linear operations, central differences for all. */

import { expect } from "vitest";
import { gradients } from "../src/graph/backward.ts";
import { orderOf } from "../src/graph/order.ts";
import { input, type Tensor } from "../src/ops/operation.ts";
import { keyOf, RandomStream } from "../src/tensor/random.ts";
import { size } from "../src/tensor/shape.ts";
import { compile, weighted } from "./compute.ts";

/** Numbers in −1 … 1, the same for the same seed. */
export function randomNumbers(length: number, seed: number): Float64Array {
  const random = new RandomStream(keyOf(seed));
  return Float64Array.from({ length }, () => random.between(-1, 1));
}

/** Random values for all tensors that are not computed. */
export function randomFeeds(outputs: readonly Tensor[], seed = 1): Map<Tensor, Float64Array> {
  const sources = orderOf(outputs).filter((tensor) => tensor.node === undefined);
  return new Map(sources.map((tensor, i) => [tensor, randomNumbers(size(tensor.shape), seed + i)]));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** For y linear in x: ⟨dy, y⟩ must equal ⟨dx, x⟩. */
export function expectAdjoint(y: Tensor, x: Tensor, dy: Tensor, dx: Tensor): void {
  const feeds = randomFeeds([y, dy, dx]);
  const [ys, dxs] = compile([y, dx])(feeds);
  expect(dxs.length).toBe(size(x.shape));
  const [left, right] = [dot(ys, feeds.get(dy) ?? []), dot(dxs, feeds.get(x) ?? [])];
  expect(Math.abs(left - right)).toBeLessThan(1e-11 * (1 + Math.abs(left)));
}

/** For y linear in x: the backward pass gives the adjoint, and the adjoint's own backward pass is y's again. */
export function expectLinear(y: Tensor, x: Tensor): void {
  const dy = input("dy", y.shape);
  const [dx] = gradients(weighted(y, dy), [x]);
  expect(dx, `a gradient of ${y.name} with respect to ${x.name}`).toBeDefined();
  if (dx === undefined) return;
  expect(dx.shape).toEqual(x.shape);
  expectAdjoint(y, x, dy, dx);
  const ddx = input("ddx", x.shape);
  const [back] = gradients(weighted(dx, ddx), [dy]);
  expect(back, `a gradient of ${dx.name}`).toBeDefined();
  if (back !== undefined) expectAdjoint(dx, dy, ddx, back);
}

export interface DifferenceOptions {
  /** Values of some tensors, where random ones will not do: away from kinks, positive, labels. */
  readonly feeds?: ReadonlyMap<Tensor, Float64Array>;
  readonly seed?: number;
  /** Step of the central difference. */
  readonly epsilon?: number;
  /** Greatest error allowed, relative to the size of the gradient. */
  readonly tolerance?: number;
}

/** Compares the gradients of Σ y·r, r random, with respect to each of `wrt` with central differences, element by element. */
export function expectGradients(y: Tensor, wrt: readonly Tensor[], options: DifferenceOptions = {}): void {
  const { seed = 1, epsilon = 1e-5, tolerance = 1e-6 } = options;
  const loss = weighted(y, input("weights of the loss", y.shape));
  const found = gradients(loss, wrt);
  const feeds = randomFeeds([loss], seed);
  for (const [tensor, values] of options.feeds ?? []) feeds.set(tensor, values);
  const run = compile([loss]);
  for (const [i, tensor] of wrt.entries()) {
    const gradient = found[i];
    expect(gradient, `a gradient of ${y.name} with respect to ${tensor.name}`).toBeDefined();
    if (gradient === undefined) continue;
    const [computed] = compile([gradient])(feeds);
    const values = feeds.get(tensor) ?? new Float64Array();
    expect(computed.length).toBe(values.length);
    const scale = Math.max(1, ...computed.map(Math.abs));
    for (let at = 0; at < values.length; at++) {
      const kept = values[at];
      values[at] = kept + epsilon;
      const above = run(feeds)[0][0];
      values[at] = kept - epsilon;
      const below = run(feeds)[0][0];
      values[at] = kept;
      const difference = (above - below) / (2 * epsilon);
      expect(
        Math.abs(difference - computed[at]),
        `${tensor.name}[${at}]: ${computed[at]} against ${difference}`,
      ).toBeLessThan(tolerance * scale);
    }
  }
}
