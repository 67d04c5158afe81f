/**
 * The mean of several tensors, of which each image keeps some: drop path of Larsson, Maire and Shakhnarovich, "FractalNet:
 * Ultra-Deep Neural Networks without Residuals", 2016, arXiv:1605.07648, section 4.
 *
 * An image samples *globally* with probability `global`: one column of the whole network, the same at all of its joins, so that the
 * image goes one path; else *locally*: each input is dropped with probability `local`, and if all were, one is kept. What is
 * kept is averaged. Where the chosen column does not end in a join, that join gives 0, and no path of the image goes through it.
 *
 *   "0", "1", … [n, .., c]  →  y [n, .., c]; input b is of column b
 *
 * As in dropout, what is kept is a function of the run's seed and step, and computed again by the backward pass.
 */

import { over } from "../kernels/formula.ts";
import { type Axis, index } from "../kernels/index-expression.ts";
import { random, type Source, type Value, value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";

export interface DropPathAttributes {
  /** Probability that an input is dropped where paths are sampled locally, in [0, 1). */
  readonly local: number;
  /** Probability that an image samples globally, in [0, 1]. */
  readonly global: number;
  /** Columns of the network, at least as many as there are inputs. */
  readonly columns: number;
  /** A random stream of this join alone. */
  readonly localStream: number;
  /** The random stream of all joins of the network, which choose the same column. */
  readonly globalStream: number;
}

/** Call it with a list, `dropPathJoin({ ...tensors }, attributes)`. */
export const dropPathJoin: Op<`${number}`, DropPathAttributes> = defineOp({
  name: "dropPathJoin",
  shape(inputs, attributes) {
    const shapes = Object.values<Shape>(inputs);
    const [first] = shapes;
    if (first === undefined) throw new ShapeError("nothing to join: give at least one tensor.");
    for (const [i, shape] of shapes.entries())
      if (!sameShape(shape, first))
        throw new ShapeError(
          `input ${i} ${formatShape(shape)} does not join input 0 ${formatShape(first)}: shapes must be equal.`,
          { inputs: shapes },
        );
    checkAttributes(attributes, shapes.length);
    return first;
  },
  value(inputs, attributes, shape) {
    const sources = Object.values<Source>(inputs);
    return [
      over(shape, (n, ...place) =>
        sources
          .map((source, branch) => source.at(n, ...place).times(share(attributes, sources.length, branch, n)))
          .reduce((total, each) => total.plus(each)),
      ),
    ];
  },
  gradient(inputs, dy, attributes) {
    const names = Object.keys(inputs) as `${number}`[];
    const ofBranch = (branch: number): Tensor =>
      dropPathGradient({ dy }, { ...attributes, branches: names.length, branch });
    return Object.fromEntries(names.map((name, branch) => [name, ofBranch(branch)]));
  },
});

/** What comes back to input `branch` of a join. */
const dropPathGradient: Op<
  "dy",
  DropPathAttributes & { readonly branches: number; readonly branch: number }
> = defineOp({
  name: "dropPathGradient",
  shape: ({ dy }) => dy,
  value: ({ dy }, { branches, branch, ...attributes }, shape) => [
    over(shape, (n, ...place) => dy.at(n, ...place).times(share(attributes, branches, branch, n))),
  ],
  gradient: (_, dy, attributes) => ({ dy: dropPathGradient({ dy }, attributes) }),
});

/** The factor of an input in the mean of image n: 0 where it is dropped. */
function share(attributes: DropPathAttributes, branches: number, branch: number, n: Axis): Value {
  const { local, global, columns, localStream, globalStream } = attributes;
  // One number for each input, and one for which is kept if all are dropped.
  const drawn = (i: number) =>
    random(
      localStream,
      index(n)
        .times(branches + 1)
        .plus(i),
    );
  const kept = (i: number) => drawn(i).less(local).select(0, 1);
  const count = Array.from({ length: branches }, (_, i) => kept(i)).reduce((total, each) => total.plus(each));
  const revived = isPart(drawn(branches).times(branches), branch);
  const locally = value(0)
    .less(count)
    .select(kept(branch).over(count.max(1)), revived);
  const column = random(globalStream, index(n).times(2).plus(1)).times(columns);
  return random(globalStream, index(n).times(2)).less(global).select(isPart(column, branch), locally);
}

/** 1 where `number` is at least `part` and below `part` + 1, else 0. */
function isPart(number: Value, part: number): Value {
  return number.less(part).select(0, number.less(part + 1).select(1, 0));
}

function checkAttributes({ local, global, columns }: DropPathAttributes, inputs: number): void {
  if (!(local >= 0 && local < 1))
    throw new OptionError(`local is ${local}, but must be at least 0 and below 1.`, { local });
  if (!(global >= 0 && global <= 1))
    throw new OptionError(`global is ${global}, but must be from 0 to 1.`, { global });
  if (!(Number.isInteger(columns) && columns >= inputs))
    throw new OptionError(
      `columns is ${columns}, but must be a whole number of at least ${inputs}, the number of inputs.`,
      { columns, inputs },
    );
}
