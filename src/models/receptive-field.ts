/**
 * The receptive field of every tensor of a graph: which places of the input image one place of it depends on. How much it depends
 * on each is its effective receptive field, of explain/.
 *
 *   size' = size + (kernel − 1)·dilation·stride,  stride' = stride·step,  start' = start − padding·stride
 *
 * Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", 2019, distill.pub.
 */

import { orderOf } from "../graph/order.ts";
import type { Tensor } from "../ops/operation.ts";

/** Along one axis, in places of the input. */
export interface AxisField {
  /** Places that one output depends on, those in the padding included, so it can be more than the input has. */
  readonly size: number;
  /** Distance between the fields of neighbouring outputs. */
  readonly stride: number;
  /** First place that the first output depends on; negative in the padding. */
  readonly start: number;
}

export type ReceptiveField = readonly [vertical: AxisField, horizontal: AxisField];

/**
 * Receptive fields on `image`, a tensor [n, h, w, c], of all tensors that depend on it. Where paths of several lengths
 * meet, the field spans them all. A tensor without places (what pooling over the whole image, flattening and linear layers
 * give) sees the whole image; so, above what it really sees, does what resizing and transposed convolutions give.
 */
export function receptiveFields(outputs: readonly Tensor[], image: Tensor): Map<Tensor, ReceptiveField> {
  const fields = new Map<Tensor, ReceptiveField>();
  for (const tensor of orderOf(outputs)) {
    const field = tensor === image ? ([own, own] as const) : fieldOf(tensor, image, fields);
    if (field !== undefined) fields.set(tensor, field);
  }
  return fields;
}

const own: AxisField = { size: 1, stride: 1, start: 0 };

function fieldOf(
  tensor: Tensor,
  image: Tensor,
  fields: ReadonlyMap<Tensor, ReceptiveField>,
): ReceptiveField | undefined {
  const { node } = tensor;
  if (node === undefined) return undefined;
  const seen = Object.entries(node.inputs).filter(([, each]) => fields.has(each));
  if (seen.length === 0) return undefined;
  const whole = (axis: number): AxisField => {
    const extent = image.shape[axis + 1];
    return { size: extent, stride: extent, start: 0 };
  };
  if (tensor.shape.length !== 4) return [whole(0), whole(1)];
  const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, each]) => [name, each.shape]));
  const window = node.operation.window?.(node.attributes, shapes);
  const [vertical, horizontal] = [0, 1].map((axis) =>
    union(
      seen.map(([name, each]) => {
        const field = (fields.get(each) as ReceptiveField)[axis];
        const [before, after] = [each.shape[axis + 1], tensor.shape[axis + 1]];
        if (window === undefined || name !== "x") {
          // An extent that changes without a window is broadcast from one place, or made from we do not know how many.
          const pooled = before !== after && before !== 1;
          return { field: pooled ? whole(axis) : field, moves: before === after };
        }
        const [kernel, step] = [window.kernel[axis], window.stride[axis]];
        return {
          field: {
            size: field.size + (kernel - 1) * window.dilation[axis] * field.stride,
            stride: field.stride * step,
            start: field.start - window.padding[axis] * field.stride,
          },
          moves: true,
        };
      }),
    ),
  );
  return [vertical, horizontal];
}

/** What all fields span together; an operand that is broadcast does not move with the output. */
function union(parts: readonly { readonly field: AxisField; readonly moves: boolean }[]): AxisField {
  const fields = parts.map(({ field }) => field);
  const start = Math.min(...fields.map((field) => field.start));
  const end = Math.max(...fields.map((field) => field.start + field.size));
  const moving = parts.filter(({ moves }) => moves).map(({ field }) => field.stride);
  return {
    size: end - start,
    start,
    stride: Math.max(...(moving.length > 0 ? moving : fields.map((f) => f.stride))),
  };
}
