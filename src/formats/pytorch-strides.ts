/** Makes row-major arrays of tensors that are views: transposed, cut out, repeated, or several of one storage. */

import { CheckpointError } from "../tensor/errors.ts";
import { elementBytes } from "./element-types.ts";
import type { Storage, StridedTensor } from "./pytorch-pickle.ts";
import type { RawTensor } from "./safetensors.ts";

/** Small files may repeat a number into something larger; this much is let through in any case. */
const alwaysBytes = 1 << 20;

/**
 * A reader of the tensors of one file. A dense tensor becomes a view of its storage's bytes, any other a copy. All tensors
 * together may take four times the file's bytes: a stride of 0 could make a terabyte of four bytes.
 */
export function denseReader(
  elements: (storage: Storage) => Uint8Array,
  fileBytes: number,
  file: string,
): (tensor: StridedTensor, name: string) => RawTensor {
  let left = Math.max(4 * fileBytes, alwaysBytes);
  return ({ storage, offset, shape, strides }, name) => {
    const width = elementBytes[storage.type];
    const bytes = shape.reduce((product, extent) => product * extent, width);
    left -= bytes;
    if (left < 0)
      throw new CheckpointError(
        `${file}: ${name} and the arrays before it take over four times the bytes of the file.`,
        { file, name, shape },
      );
    const source = elements(storage);
    const from = offset * width;
    return {
      type: storage.type,
      shape,
      bytes: isDense(shape, strides)
        ? source.subarray(from, from + bytes)
        : copyStrided(source, from, shape, strides, width),
    };
  };
}

/** Whether elements lie one after the other; the stride of an axis of extent 1 means nothing. */
function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function copyStrided(
  source: Uint8Array,
  from: number,
  shape: readonly number[],
  strides: readonly number[],
  width: number,
): Uint8Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const result = new Uint8Array(size * width);
  const index = new Array<number>(shape.length).fill(0);
  let place = from;
  for (let to = 0; to < result.length; to += width) {
    for (let b = 0; b < width; b++) result[to + b] = source[place + b];
    // Like a counter of a car: the last axis turns fastest, a full one goes back to 0 and turns the one before.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis] * width;
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * width * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}
