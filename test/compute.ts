/** Small tensors with their values, and what operations make of them on the js engine in double precision. */

import { gradients } from "../src/graph/backward.ts";
import { orderOf } from "../src/graph/order.ts";
import { compileJavaScript, type Numbers, renderJavaScript } from "../src/kernels/javascript.ts";
import { contiguousLayout, type Layout } from "../src/kernels/layout.ts";
import type { Operand } from "../src/kernels/value.ts";
import { multiply } from "../src/ops/multiply.ts";
import { formulaOf, input, type Tensor } from "../src/ops/operation.ts";
import { sum } from "../src/ops/sum.ts";
import type { Shape } from "../src/tensor/shape.ts";
import { size } from "../src/tensor/shape.ts";

const known = new WeakMap<Tensor, readonly number[]>();

/** An input that brings its values along, row by row. */
export function given(shape: Shape, values: readonly number[], name = "x"): Tensor {
  if (values.length !== size(shape)) throw new Error(`${values.length} values for ${size(shape)} places`);
  const tensor = input(name, shape);
  known.set(tensor, values);
  return tensor;
}

/** An input whose values count 0, 1, 2, … or from another number on. */
export function counting(shape: Shape, from = 0): Tensor {
  return given(
    shape,
    Array.from({ length: size(shape) }, (_, i) => from + i),
  );
}

/** The values of a tensor that is made of given ones. */
export function compute(tensor: Tensor, scalars: Readonly<Record<string, number>> = {}): number[] {
  const feeds = new Map<Tensor, ArrayLike<number>>();
  for (const each of orderOf([tensor])) {
    const values = known.get(each);
    if (values !== undefined) feeds.set(each, values);
  }
  // Adding 0 turns −0 into 0: the sign of nothing is not what tests of values are about.
  return Array.from(compile([tensor])(feeds, scalars)[0], (each) => each + 0);
}

/** dx of Σ dy·y, for a given dy or for ones. */
export function computeGradient(y: Tensor, x: Tensor, dy?: readonly number[]): number[] {
  const weights = given(y.shape, dy ?? new Array<number>(size(y.shape)).fill(1), "dy");
  const [dx] = gradients(weighted(y, weights), [x]);
  if (dx === undefined) throw new Error(`no gradient flows to ${x.name}`);
  return compute(dx);
}

/** Σ y·weights, a loss whose gradient with respect to y is `weights`. */
export function weighted(y: Tensor, weights: Tensor): Tensor {
  return sum({ x: multiply({ a: y, b: weights }, {}) }, { axes: y.shape.map((_, axis) => axis) });
}

export type Compiled = (
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  scalars?: Readonly<Record<string, number>>,
) => Numbers[];

/** As `evaluate`, but compiled once for many runs. The arrays given back are overwritten by the next. */
export function compile(outputs: readonly Tensor[]): Compiled {
  const buffers: Numbers[] = [];
  const layouts = new Map<Operand, Layout>();
  const order = orderOf(outputs);
  const steps = order.map((tensor) => {
    const layout = contiguousLayout(buffers.length, tensor.shape);
    layouts.set(tensor, layout);
    buffers.push(new Float64Array(size(tensor.shape)));
    if (tensor.node !== undefined)
      return compileJavaScript(renderJavaScript(formulaOf(tensor), layout, layouts));
    return tensor;
  });
  return (feeds, scalars = {}) => {
    for (const [i, step] of steps.entries())
      if (typeof step === "function") step(buffers, { seed: 0, step: 0, learningRate: 0, ...scalars });
      else {
        const fed = feeds.get(step);
        if (fed?.length !== buffers[i].length)
          throw new Error(
            `${step.name} takes ${buffers[i].length} numbers, but ${fed?.length ?? "none"} came`,
          );
        buffers[i].set(fed);
      }
    return outputs.map((tensor) => buffers[order.indexOf(tensor)]);
  };
}
