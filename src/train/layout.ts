/**
 * Turns weights between our layouts and those of PyTorch, which the published checkpoints and our files have.
 *
 *   kind               ours                    in files
 *   filter             [r, s, c/groups, k]     [k, c/groups, r, s]
 *   transposedFilter   [r, s, k/groups, c]     [c, k/groups, r, s]     (c channels come in, k go out)
 *   matrix             [in, out]               [out, in]
 *   vector             as it is, of any shape  the same
 */

import type { ParameterKind } from "../ops/operation.ts";

/** For each kind, which of our axes stands at each place in the file; it is undone by its inverse. */
const fileAxes: Readonly<Record<ParameterKind, readonly number[] | undefined>> = {
  filter: [3, 2, 0, 1],
  transposedFilter: [3, 2, 0, 1],
  matrix: [1, 0],
  vector: undefined,
};

export function isParameterKind(kind: unknown): kind is ParameterKind {
  return typeof kind === "string" && Object.hasOwn(fileAxes, kind);
}

/** Whether an array of this shape can be of this kind. */
export function fitsKind(shape: readonly number[], kind: ParameterKind): boolean {
  const axes = fileAxes[kind];
  return axes === undefined || axes.length === shape.length;
}

export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The shape that a tensor of ours has in files. */
export function referenceShape(shape: readonly number[], kind: ParameterKind): readonly number[] {
  return fileAxes[kind]?.map((axis) => shape[axis]) ?? shape;
}

/** Our layout to the files'. Data that keeps its order is not copied. */
export function toReferenceLayout(tensor: HostTensor, kind: ParameterKind): HostTensor {
  const axes = fileAxes[kind];
  return axes ? permute(tensor, axes) : tensor;
}

/**
 * The files' layout to ours. Data that keeps its order is not copied; other goes `into` an array of the same length. Default: a new one.
 */
export function fromReferenceLayout(
  tensor: HostTensor,
  kind: ParameterKind,
  into?: Float32Array,
): HostTensor {
  const axes = fileAxes[kind];
  if (!axes) return tensor;
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return permute(tensor, back, into);
}

/** Axis `axes[i]` of the input becomes axis i of the result. Takes up to four axes. */
function permute(
  { shape, data }: HostTensor,
  axes: readonly number[],
  result: Float32Array = new Float32Array(data.length),
): HostTensor {
  const to = axes.map((axis) => shape[axis]);
  const inputStrides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, extent) => product * extent, 1),
  );
  const strides = axes.map((axis) => inputStrides[axis]);
  // Written as four loops, outer ones of extent 1 where there are fewer axes: AlexNet's fc6 has 38 million elements.
  const pad = 4 - to.length;
  const [n0, n1, n2, n3] = [...new Array<number>(pad).fill(1), ...to];
  const [s0, s1, s2, s3] = [...new Array<number>(pad).fill(0), ...strides];
  let at = 0;
  for (let i0 = 0; i0 < n0; i0++) {
    for (let i1 = 0; i1 < n1; i1++) {
      for (let i2 = 0; i2 < n2; i2++) {
        const from = i0 * s0 + i1 * s1 + i2 * s2;
        for (let i3 = 0; i3 < n3; i3++) result[at++] = data[from + i3 * s3];
      }
    }
  }
  return { shape: to, data: result };
}
