/**
 * The table of a network: what each layer gives, its parameters, multiply-adds, memory and receptive field.
 *
 * What is counted:
 * - a *row* is a place (layer1.0.conv1) with all operations computed there; every operation belongs to one row;
 * - *parameters*: trained numbers only, running statistics are not;
 * - *macs*: multiply-adds of convolutions, transposed convolutions and linear layers, for one image. Biases, normalisation,
 *   activations and pooling are not counted, as is usual in papers;
 * - *activationBytes*: what a row keeps for one image, 4 bytes a number, as the "memory" columns of lectures have it:
 *   outputs of convolutions, linear layers, pooling and normalisation over neighbours. Activations, batch norm at inference,
 *   additions, concatenation and reshaping are computed on the way to the next row and keep nothing;
 * - *forwardBytes*: the input and all activationBytes, for one image; parameters are not in it;
 * - *trainingBytes*: 2·forwardBytes (each activation and its gradient) + 12 bytes a parameter (weight, gradient, momentum),
 *   for a batch of one.
 */

import { orderOf } from "../graph/order.ts";
import { visit } from "../kernels/formula.ts";
import type { Network } from "../nn/network.ts";
import { formulaOf, macsOf, type Tensor } from "../ops/operation.ts";
import { type Shape, size } from "../tensor/shape.ts";
import { type ReceptiveField, receptiveFields } from "./receptive-field.ts";

export interface SummaryRow {
  /** Place of the layer; "" is never used: operations of the model itself are named after what they do. */
  readonly name: string;
  /** The operations of the row on what comes from the input, joined by " + ". */
  readonly kind: string;
  /** Without the batch axis: [h, w, c] or [c]. */
  readonly outputShape: Shape;
  readonly parameters: number;
  readonly macs: number;
  readonly activationBytes: number;
  /** Absent where the row does not depend on the image. */
  readonly receptiveField?: ReceptiveField;
}

export interface SummaryTotals {
  readonly parameters: number;
  readonly macs: number;
  readonly forwardBytes: number;
  readonly trainingBytes: number;
}

export interface Summary {
  /** Shape of the first input without the batch axis. */
  readonly inputShape: Shape;
  /** In the order of computation. */
  readonly rows: readonly SummaryRow[];
  readonly totals: SummaryTotals;
}

/** The table of a network, by the definitions at the head of this file. All numbers are for one image. */
export function summarize(network: Network): Summary {
  const inputs = Object.values(network.inputs);
  const [image] = inputs;
  const batch = image.shape[0];
  const outputs = Object.values(network.outputs);
  const fields = receptiveFields(outputs, image);
  const counted = new Set<Tensor>();
  const rows = [...byPlace(outputs)].map(([name, tensors]) => rowOf(name, tensors, batch, fields, counted));
  const parameters = sum(network.parameters.map(({ shape }) => size(shape)));
  const forwardBytes =
    sum(inputs.map((each) => (4 * size(each.shape)) / batch)) + sum(rows.map((row) => row.activationBytes));
  return {
    inputShape: image.shape.slice(1),
    rows,
    totals: {
      parameters,
      macs: sum(rows.map((row) => row.macs)),
      forwardBytes,
      trainingBytes: 2 * forwardBytes + 12 * parameters,
    },
  };
}

/** Computed tensors by place, places in the order in which their last tensor is computed. */
function byPlace(outputs: readonly Tensor[]): Map<string, Tensor[]> {
  const places = new Map<string, Tensor[]>();
  for (const tensor of orderOf(outputs)) {
    if (tensor.role !== "computed") continue;
    const before = places.get(tensor.name) ?? [];
    places.delete(tensor.name);
    places.set(tensor.name, [...before, tensor]);
  }
  return places;
}

function rowOf(
  name: string,
  tensors: readonly Tensor[],
  batch: number,
  fields: ReadonlyMap<Tensor, ReceptiveField>,
  counted: Set<Tensor>,
): SummaryRow {
  const last = tensors[tensors.length - 1];
  const read = tensors.flatMap(({ node }) => Object.values(node?.inputs ?? {}));
  const fresh = new Set(read.filter((tensor) => tensor.role === "parameter" && !counted.has(tensor)));
  for (const tensor of fresh) counted.add(tensor);
  const field = fields.get(last);
  const onImages = tensors.filter((tensor) => fields.has(tensor));
  return {
    name,
    kind: [...new Set(onImages.map(({ node }) => node?.operation.name))].join(" + "),
    outputShape: last.shape.slice(1),
    parameters: sum([...fresh].map(({ shape }) => size(shape))),
    macs: sum(tensors.map(macsOf)) / batch,
    activationBytes: (4 * sum(onImages.filter(isKept).map(({ shape }) => size(shape)))) / batch,
    ...(field === undefined ? {} : { receptiveField: field }),
  };
}

/** Whether a tensor is in memory of its own: what sums or takes the greatest over neighbours is, what maps numbers is not. */
function isKept(tensor: Tensor): boolean {
  let reduces = false;
  for (const part of formulaOf(tensor)) visit(part.value, ({ node }) => (reduces ||= node.kind === "reduce"));
  return reduces;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
