/** Computes tensors one after the other in plain JavaScript, every tensor in memory of its own: for checks, not for speed. */

import { orderOf } from "../../graph/order.ts";
import { compileJavaScript, type Numbers, renderJavaScript } from "../../kernels/javascript.ts";
import { contiguousLayout, type Layout } from "../../kernels/layout.ts";
import type { Operand } from "../../kernels/value.ts";
import { formulaOf, type Tensor } from "../../ops/operation.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { formatShape, size } from "../../tensor/shape.ts";

export interface EvaluateOptions {
  /** 64 (the default) or 32 bits a number. */
  readonly bits?: 32 | 64;
  readonly seed?: number;
  readonly step?: number;
  readonly learningRate?: number;
}

/** Values of `outputs`, given those of all inputs, parameters and states they depend on. */
export function evaluate(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  { bits = 64, seed = 0, step = 0, learningRate = 0 }: EvaluateOptions = {},
): Numbers[] {
  const ArrayType = bits === 64 ? Float64Array : Float32Array;
  const buffers: Numbers[] = [];
  const layouts = new Map<Operand, Layout>();
  for (const tensor of orderOf(outputs)) {
    const layout = contiguousLayout(buffers.length, tensor.shape);
    layouts.set(tensor, layout);
    buffers.push(new ArrayType(size(tensor.shape)));
    if (tensor.node === undefined) {
      const fed = feeds.get(tensor);
      if (fed?.length !== size(tensor.shape))
        throw new ShapeError(
          `${tensor.name} ${formatShape(tensor.shape)} takes ${size(tensor.shape)} numbers; came ${fed?.length ?? "none"}.`,
        );
      buffers[layout.buffer].set(fed);
    } else {
      const kernel = compileJavaScript(renderJavaScript(formulaOf(tensor), layout, layouts));
      kernel(buffers, { seed, step, learningRate });
    }
  }
  return outputs.map((tensor) => {
    const layout = layouts.get(tensor);
    if (layout === undefined) throw new Error("an output that was not computed");
    return buffers[layout.buffer];
  });
}
