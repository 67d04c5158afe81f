/** Where a layer declares what it needs: parameters and state under their full names, updates of state, random streams. */

import { type ParameterKind, parameter, state, type Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import type { Initializer } from "./initializers.ts";

/**
 * A layer: what it computes from `x`, with parameters that it declares in `scope`. A model of several inputs or outputs
 * takes or returns a record of tensors.
 */
export type Layer<Out = Tensor, In = Tensor> = (x: In, scope: Scope) => Out;

/** A parameter or state as a layer declared it. */
export interface Declaration {
  /** Full dotted name, that of the reference checkpoint: "layer1.0.conv1.weight". */
  readonly name: string;
  readonly tensor: Tensor;
  readonly shape: Shape;
  readonly kind: ParameterKind;
  readonly initialize: Initializer;
}

/** An assignment that training makes after the step: `state` takes the value of `value`. */
export interface Update {
  readonly state: Tensor;
  readonly value: Tensor;
}

export interface Scope {
  /** Whether the training form is being built: batch statistics, dropout, auxiliary heads. */
  readonly training: boolean;
  /** Full dotted path of this scope; "" for the model itself. */
  readonly path: string;
  /** Declares a trained tensor. Throws an OptionError where the name is taken. */
  parameter(name: string, shape: Shape, kind: ParameterKind, initialize: Initializer): Tensor;
  /**
   * Declares a tensor that lasts between runs and is not trained, a vector where nothing else is said. Throws an OptionError
   * where the name is taken.
   */
  state(name: string, shape: Shape, initialize: Initializer, kind?: ParameterKind): Tensor;
  /** Records that training sets `state` to `value` after each step. */
  update(state: Tensor, value: Tensor): void;
  /**
   * Runs a layer one level deeper: its parameters are named, and its tensors placed, under `name`. A dotted name goes
   * several levels deeper. What the layer returns can be asked for by that place.
   */
  child<Out, In>(name: string, layer: Layer<Out, In>, x: In): Out;
  /** A number for `random` of the formula language that no other layer of this model draws from. */
  randomStream(): number;
}

/** What the layers of one model have declared so far, in order. */
export interface Declarations {
  readonly parameters: Declaration[];
  readonly states: Declaration[];
  readonly updates: Update[];
  /** What each place returned, where that was one tensor. */
  readonly places: Map<string, Tensor>;
}

/** A scope for a whole model, and what is declared in it. */
export function openScope(training: boolean): { readonly scope: Scope; readonly declared: Declarations } {
  const declared: Declarations = { parameters: [], states: [], updates: [], places: new Map() };
  const taken = new Map<string, Declaration>();
  let streams = 0;

  function declare(list: Declaration[], tensor: Tensor, initialize: Initializer): Tensor {
    const { name, shape, kind = "vector" } = tensor;
    const before = taken.get(name);
    if (before !== undefined)
      throw new OptionError(
        `${name} is declared twice, as ${before.tensor.role} ${formatShape(before.shape)} and as ${tensor.role} ` +
          `${formatShape(shape)}. Give the second layer another name.`,
        { name, shapes: [before.shape, shape] },
      );
    const declaration = { name, tensor, shape, kind, initialize };
    taken.set(name, declaration);
    list.push(declaration);
    return tensor;
  }

  function at(path: string): Scope {
    const full = (name: string) => (path === "" ? name : `${path}.${name}`);
    return {
      training,
      path,
      parameter: (name, shape, kind, initialize) =>
        declare(declared.parameters, parameter(full(name), shape, kind), initialize),
      state: (name, shape, initialize, kind) =>
        declare(declared.states, state(full(name), shape, kind), initialize),
      update(target, value) {
        if (!sameShape(target.shape, value.shape))
          throw new ShapeError(
            `${target.name} ${formatShape(target.shape)} cannot take a value of shape ${formatShape(value.shape)}.`,
            { shapes: [target.shape, value.shape] },
          );
        declared.updates.push({ state: target, value });
      },
      child(name, layer, x) {
        if (!/^[^.]+(\.[^.]+)*$/.test(name))
          throw new OptionError(
            `"${name}" in "${path}" is no name for a layer: it must be words joined by dots.`,
          );
        const y = within(name, () => layer(x, at(full(name))));
        if (isTensor(y)) declared.places.set(full(name), y);
        return y;
      },
      randomStream: () => streams++,
    };
  }
  return { scope: at(""), declared };
}

/** Whether a layer's output is one tensor, not a record of them. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "role" in value && "shape" in value;
}
