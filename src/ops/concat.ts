/** Tensors joined along their last axis, the channels of images, in the order of the input names "0", "1", …. */

import { scatter } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { slice } from "./slice.ts";

/** Call it with a record, `concat({ 0: a, 1: b }, {})`, or spread a list: `concat({ ...tensors }, {})`. */
export const concat: Op<`${number}`> = defineOp({
  name: "concat",
  shape(inputs) {
    const shapes = Object.values<Shape>(inputs);
    if (shapes.length === 0) throw new ShapeError("nothing to join: give at least one tensor.");
    const [first] = shapes;
    for (const [i, shape] of shapes.entries())
      if (
        shape.length !== first.length ||
        shape.length === 0 ||
        !outer(shape).every((e, a) => e === first[a])
      )
        throw new ShapeError(
          `input ${i} ${formatShape(shape)} does not join input 0 ${formatShape(first)}: all axes but the last must be equal.`,
          { inputs: shapes },
        );
    return [...outer(first), shapes.reduce((total, shape) => total + last(shape), 0)];
  },
  value: (inputs) =>
    withOffsets(Object.entries(inputs), (source) => source.shape).map(([, source, from]) =>
      scatter(source.shape, (...i) => ({
        at: [...i.slice(0, -1), index(i[i.length - 1]).plus(from)],
        value: source.at(...i),
      })),
    ),
  memory: (inputs) => ({
    kind: "assembled",
    starts: Object.fromEntries(
      withOffsets(Object.entries<Shape>(inputs), (shape) => shape).map(([name, shape, from]) => [
        name,
        [...outer(shape).map(() => 0), from],
      ]),
    ),
  }),
  gradient: (inputs, dy) =>
    Object.fromEntries(
      withOffsets(Object.entries<Tensor>(inputs), ({ shape }) => shape).map(([name, { shape }, from]) => [
        name,
        slice({ x: dy }, { from, length: last(shape) }),
      ]),
    ),
});

/** Each entry with the place where it begins in the output. */
function withOffsets<T>(entries: [string, T][], shapeOf: (each: T) => Shape): [string, T, number][] {
  let offset = 0;
  return entries.map(([name, each]) => {
    const from = offset;
    offset += last(shapeOf(each));
    return [name, each, from];
  });
}

function outer(shape: Shape): Shape {
  return shape.slice(0, -1);
}

function last(shape: Shape): number {
  return shape[shape.length - 1];
}
