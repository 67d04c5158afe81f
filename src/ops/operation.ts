/**
 * What an operation is, and the symbolic tensors that operations make of one another. A graph is what can be reached
 * from some tensors; it has no object of its own.
 */

import type { Formula } from "../kernels/formula.ts";
import { Source } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { currentPlace } from "./place.ts";

/** Who gives a tensor its values: the caller, training, the passing of batches, or an operation. */
export type Role = "input" | "parameter" | "state" | "computed";

/** How a parameter's shape is to be read, for the border to other frameworks: [r, s, c, k], [c, k] or [c]. */
export type ParameterKind = "filter" | "transposedFilter" | "matrix" | "vector";

/** A tensor of a graph: known shape, no values yet. Identity counts. */
export interface Tensor<S extends Shape = Shape> {
  /** Counts tensors as they are made: a tensor's inputs always have smaller numbers than it. */
  readonly id: number;
  readonly shape: S;
  readonly role: Role;
  /** Path of the layer that made it ("layer1.0.conv1"), or the name of an input or parameter. */
  readonly name: string;
  /** How it is computed; only where the role is "computed". */
  readonly node?: Node;
  /** How the shape is to be read; only where the role is "parameter" or "state". */
  readonly kind?: ParameterKind;
  /** The tensor that this one computes a second time, so that the first need not be kept in memory. */
  readonly again?: Tensor;
}

export interface Node {
  readonly operation: AnyOperation;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly attributes: unknown;
}

export interface Cost {
  /** Multiply-adds of sums of products; additions, comparisons and the like are not counted, as in the papers. */
  readonly macs: number;
}

let made = 0;

export type Shapes<Inputs extends string> = Readonly<Record<Inputs, Shape>>;
export type Sources<Inputs extends string> = Readonly<Record<Inputs, Source>>;
export type Tensors<Inputs extends string> = Readonly<Record<Inputs, Tensor>>;

/** An operation: its meaning in one place. Optional inputs are absent from the records. */
export interface Operation<Inputs extends string, Attributes> {
  readonly name: string;
  /** The output's shape. Throws a ShapeError where the inputs do not fit. */
  shape(inputs: Shapes<Inputs>, attributes: Attributes): Shape;
  /** Default: no multiply-adds. */
  cost?(inputs: Shapes<Inputs>, output: Shape, attributes: Attributes): Cost;
  /** The output's value at each place. */
  value(inputs: Sources<Inputs>, attributes: Attributes, output: Shape): Formula;
  /** The gradient of a loss with respect to the inputs, given that with respect to the output. Absent: none flows. */
  gradient?(
    inputs: Tensors<Inputs>,
    dy: Tensor,
    attributes: Attributes,
    y: Tensor,
  ): Partial<Record<Inputs, Tensor>>;
  /** Where the output's elements are before anything is computed; absent where they must be. */
  memory?(inputs: Shapes<Inputs>, attributes: Attributes): Memory<Inputs>;
  /** The receptive field that one output place has on input "x"; default 1×1 at stride 1. */
  window?(attributes: Attributes, inputs: Shapes<Inputs>): Window;
}

/** Where an output's elements already are: what lets the plan do without a copy. */
export type Memory<Inputs extends string> =
  /** The output is all elements of this input in their order. */
  | { readonly kind: "sameElements"; readonly input: Inputs }
  /** The output is the box of this input that starts there. */
  | { readonly kind: "boxOf"; readonly input: Inputs; readonly start: readonly number[] }
  /** Each input is the box of the output that starts there; together they fill it. */
  | { readonly kind: "assembled"; readonly starts: Readonly<Record<string, readonly number[]>> };

/** Extent and step, in places of the input, of what one output place sees. */
export interface Window {
  readonly kernel: readonly [r: number, s: number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Zeros before the first row and column; negative where rows and columns are left out. */
  readonly padding: readonly [number, number];
}

// biome-ignore lint/suspicious/noExplicitAny: an operation is kept beside the inputs and attributes it was made for
export type AnyOperation = Operation<any, any>;

/** An operation that can be called: from input tensors and attributes to the output tensor. */
export interface Op<Inputs extends string, Attributes = Record<never, never>> {
  (inputs: OptionalInputs<Inputs>, attributes: Attributes): Tensor;
  readonly operation: Operation<Inputs, Attributes>;
}

/** Makes an operation callable. */
export function defineOp<Inputs extends string, Attributes = Record<never, never>>(
  operation: Operation<Inputs, Attributes>,
): Op<Inputs, Attributes> {
  const apply = (inputs: OptionalInputs<Inputs>, attributes: Attributes): Tensor => {
    const given = withoutAbsent(inputs) as Tensors<Inputs>;
    const shapes = mapRecord(given, (tensor) => tensor.shape);
    const place = currentPlace();
    let shape: Shape;
    try {
      shape = operation.shape(shapes, attributes);
    } catch (error) {
      if (!(error instanceof ShapeError || error instanceof OptionError)) throw error;
      const where = place === "" ? operation.name : `${operation.name} at ${place}`;
      const Kind = error instanceof ShapeError ? ShapeError : OptionError;
      throw new Kind(`${where}: ${error.message}`, {
        ...error.facts,
        operation: operation.name,
        place,
        shapes,
      });
    }
    for (const extent of shape) {
      if (Number.isInteger(extent) && extent > 0) continue;
      const came = Object.entries(shapes).map(([name, s]) => `${name} ${formatShape(s as Shape)}`);
      throw new ShapeError(
        `${operation.name}${place === "" ? "" : ` at ${place}`}: the output would have shape ${formatShape(shape)}; ` +
          `came ${came.join(", ")}. Give a larger input, or less kernel, stride or dilation.`,
        { operation: operation.name, place, shapes, shape },
      );
    }
    return {
      id: made++,
      shape,
      role: "computed",
      name: place === "" ? operation.name : place,
      node: { operation, inputs: given, attributes },
    };
  };
  return Object.assign(apply, { operation });
}

export type OptionalInputs<Inputs extends string> = Readonly<Record<Inputs, Tensor | undefined>>;

/** A tensor whose values the caller gives at each run. */
export function input(name: string, shape: Shape): Tensor {
  return { id: made++, shape, role: "input", name };
}

/** A tensor that lasts between runs and is trained. */
export function parameter(name: string, shape: Shape, kind: ParameterKind): Tensor {
  return { id: made++, shape, role: "parameter", name, kind };
}

/** A tensor that lasts between runs and is not trained, such as running statistics. */
export function state(name: string, shape: Shape, kind: ParameterKind = "vector"): Tensor {
  return { id: made++, shape, role: "state", name, kind };
}

/** The same operation on other inputs of the same shapes, as a new tensor. */
export function remake(tensor: Tensor, inputs: (input: Tensor) => Tensor): Tensor {
  if (tensor.node === undefined) throw new Error(`${tensor.name} is ${tensor.role}, not computed`);
  return { ...tensor, id: made++, node: { ...tensor.node, inputs: mapRecord(tensor.node.inputs, inputs) } };
}

/** The formula of a computed tensor over its input tensors. */
export function formulaOf(tensor: Tensor): Formula {
  if (tensor.node === undefined) throw new Error(`${tensor.name} is ${tensor.role}, not computed`);
  const { operation, inputs, attributes } = tensor.node;
  return operation.value(
    mapRecord(inputs, (operand) => new Source(operand)),
    attributes,
    tensor.shape,
  );
}

/** Multiply-adds of the operation that computes a tensor. */
export function macsOf({ node, shape }: Tensor): number {
  if (node?.operation.cost === undefined) return 0;
  const shapes = mapRecord(node.inputs, (each) => each.shape);
  return node.operation.cost(shapes, shape, node.attributes).macs;
}

function withoutAbsent(inputs: Readonly<Record<string, Tensor | undefined>>): Record<string, Tensor> {
  const given: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(inputs))
    if (tensor !== undefined) given[name] = tensor as Tensor;
  return given;
}

function mapRecord<K extends string, A, B>(record: Readonly<Record<K, A>>, map: (a: A) => B): Record<K, B> {
  const entries = Object.entries<A>(record).map(([key, each]) => [key, map(each)]);
  return Object.fromEntries(entries) as Record<K, B>;
}
