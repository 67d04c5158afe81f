/** From a layer to a network: the graph of one form of a model, with everything it declared. */

import { orderOf } from "../graph/order.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import { nearNames } from "./near-names.ts";
import { type Declaration, isTensor, type Layer, openScope, type Update } from "./scope.ts";

/** A model with its input shapes and form fixed. Parameters keep their names from form to form. */
export interface Network {
  /** Whether this is the training form. */
  readonly training: boolean;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** What the model returns; a single tensor is called "logits". */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** In the order of declaration. */
  readonly parameters: readonly Declaration[];
  /** What lasts and is not trained, such as running statistics, in the order of declaration. */
  readonly states: readonly Declaration[];
  /** Assignments that training makes after each step; empty in the inference form. */
  readonly updates: readonly Update[];
  /** All places that `tap` knows, in the order of building. */
  readonly places: readonly string[];
  /**
   * The output of the layer at a place, such as "layer1.0.conv1". Throws an OptionError that lists near names where there is
   * none.
   */
  tap(place: string): Tensor;
}

export type NamedTensors = Readonly<Record<string, Tensor>>;

export interface BuildOptions {
  /** Shape of the input "x", an image batch [n, h, w, c]. */
  readonly input: Shape;
  /** Whether to build the training form. Default false. */
  readonly training?: boolean;
}

export interface BuildRecordOptions {
  /** Shapes of the inputs by name, for a model that takes a record of tensors. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Whether to build the training form. Default false. */
  readonly training?: boolean;
}

/**
 * Builds a model for inputs of these shapes. Throws a ShapeError that names the layer where shapes do not fit.
 *
 *   const network = build(lenet5(), { input: [64, 28, 28, 1], training: true });
 */
export function build(model: Layer<Tensor | NamedTensors>, options: BuildOptions): Network;
export function build(
  model: Layer<Tensor | NamedTensors, NamedTensors>,
  options: BuildRecordOptions,
): Network;
export function build(
  model: Layer<Tensor | NamedTensors> | Layer<Tensor | NamedTensors, NamedTensors>,
  options: BuildOptions | BuildRecordOptions,
): Network {
  const { training = false } = options;
  const single = "input" in options;
  const shapes: Readonly<Record<string, Shape>> = single ? { x: options.input } : options.inputs;
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, input(name, shape)]),
  );
  const { scope, declared } = openScope(training);
  // The overloads pair a single input with a layer that takes one tensor, and a record with one that takes a record.
  const result = (model as Layer<Tensor | NamedTensors, Tensor | NamedTensors>)(
    single ? inputs.x : inputs,
    scope,
  );
  const outputs: NamedTensors = isTensor(result) ? { logits: result } : result;
  const places = placesOf(outputs, declared.places);
  return {
    training,
    inputs,
    outputs,
    parameters: declared.parameters,
    states: declared.states,
    updates: declared.updates,
    places: [...places.keys()],
    tap(place) {
      const tensor = places.get(place);
      if (tensor !== undefined) return tensor;
      const near = nearNames(place, places.keys());
      throw new OptionError(`the network has no tensor at "${place}". Near names: ${near.join(", ")}.`, {
        place,
        near,
      });
    },
  };
}

/** The tensors by place: what layers returned, before that the last tensor of a place that no layer returned. */
function placesOf(outputs: NamedTensors, returned: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const places = new Map<string, Tensor>();
  for (const tensor of orderOf(Object.values(outputs)))
    if (tensor.role === "computed") places.set(tensor.name, tensor);
  for (const [place, tensor] of returned) places.set(place, tensor);
  return places;
}
