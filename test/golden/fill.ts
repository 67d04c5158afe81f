/**
 * The fill rule: tensors and labels computed from names alone, equal bit for bit to those the references were recorded with.
 *
 *   u(i) = mix32(crc32(name) + 0x9E3779B9·(i + 1)) / 2³², i the row-major index in the reference layout
 *
 * Values are computed in double precision, left to right as README.md writes them, and rounded once to float32.
 */

import { mix32 } from "../../src/tensor/random.ts";
import { contiguousStrides, type Shape, size } from "../../src/tensor/shape.ts";

/** What a tensor is for; decides the range of its values (README.md). */
export type FillKind =
  | "weight"
  | "bias"
  | "bn_weight"
  | "bn_bias"
  | "running_mean"
  | "running_var"
  | "input"
  | "integer"
  | "distribution";

/** CRC-32 of the UTF-8 bytes of `text`, polynomial 0xEDB88320 as in zlib and PNG. */
export function crc32(text: string): number {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** u(0) … u(count − 1) of this name, in [0, 1), in double precision. */
export function fillUniform(name: string, count: number): Float64Array {
  const seed = crc32(name);
  const u = new Float64Array(count);
  for (let i = 0; i < count; i++) u[i] = uniformAt(seed, i);
  return u;
}

/** A name of this module's own: Vitest looks an imported one up at each of a hundred million calls. */
const mix = mix32;

function uniformAt(seed: number, i: number): number {
  return mix(seed + Math.imul(0x9e3779b9, i + 1)) / 4294967296;
}

/**
 * The tensor of this name, shape and kind, in the reference layout: images NCHW, filters OIHW (transposed: IOHW), linear
 * weights [out, in]. `scale` multiplies before the rounding; for "bn_weight" it is the `bn_weight_scale` of published values.
 */
export function fillValues(name: string, shape: Shape, kind: FillKind, scale = 1): Float32Array {
  if (kind === "distribution")
    return Float32Array.from(normalizeRows(fillUniform(name, size(shape)), shape[shape.length - 1]));
  const seed = crc32(name);
  // Loops over nothing but the result, each its own: VGG-16 has a layer of 103 million numbers.
  const values = new Float32Array(size(shape));
  switch (kind) {
    case "weight":
    case "bias":
    case "bn_bias":
    case "running_mean":
    case "input": {
      const bound = kind === "weight" ? Math.sqrt(6 / size(shape.slice(1))) : kind === "input" ? 1 : 0.1;
      for (let i = 0; i < values.length; i++) values[i] = (2 * uniformAt(seed, i) - 1) * bound * scale;
      break;
    }
    case "bn_weight":
    case "running_var":
      for (let i = 0; i < values.length; i++) values[i] = (0.5 + uniformAt(seed, i)) * scale;
      break;
    case "integer":
      for (let i = 0; i < values.length; i++) values[i] = Math.floor(4 * uniformAt(seed, i)) * scale;
      break;
  }
  return values;
}

/** Classes of `count` images: mix32(crc32(name) + i) mod `classes`. */
export function fillLabels(name: string, count: number, classes: number): Float32Array {
  const seed = crc32(name);
  return Float32Array.from({ length: count }, (_, i) => mix32(seed + i) % classes);
}

/** Divides each row by its sum, added from the first entry to the last. */
function normalizeRows(u: Float64Array, length: number): Float64Array {
  for (let start = 0; start < u.length; start += length) {
    const row = u.subarray(start, start + length);
    const sum = row.reduce((a, b) => a + b);
    for (let i = 0; i < length; i++) row[i] /= sum;
  }
  return u;
}

/** Turns axes: axis i of the result is axis order[i] of `data`. */
export function permute(data: ArrayLike<number>, shape: Shape, order: readonly number[]): Float32Array {
  const strides = contiguousStrides(shape);
  const extents = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  const index = new Array<number>(order.length).fill(0);
  const result = new Float32Array(size(shape));
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from];
    for (let axis = order.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      if (++index[axis] < extents[axis]) break;
      from -= steps[axis] * extents[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Images [n, c, h, w] → [n, h, w, c]. */
export const nchwToNhwc = (data: ArrayLike<number>, shape: Shape) => permute(data, shape, [0, 2, 3, 1]);

/** Images [n, h, w, c] → [n, c, h, w]. */
export const nhwcToNchw = (data: ArrayLike<number>, shape: Shape) => permute(data, shape, [0, 3, 1, 2]);

/** Filters [k, c, r, s] → [r, s, c, k]. */
export function oihwToHwio(data: ArrayLike<number>, [k, c, r, s]: Shape): Float32Array {
  const taps = r * s;
  // Channel by channel, then with neighbours k: place by place, each number would come from a cache line of its own.
  const turned = turnMatrix(data, [k, c * taps]);
  if (taps === 1) return turned;
  const result = new Float32Array(turned.length);
  for (let tap = 0; tap < taps; tap++)
    for (let channel = 0; channel < c; channel++) {
      const from = (channel * taps + tap) * k;
      result.set(turned.subarray(from, from + k), (tap * c + channel) * k);
    }
  return result;
}

/** Filters [r, s, c, k] → [k, c, r, s]. */
export const hwioToOihw = (data: ArrayLike<number>, shape: Shape) => permute(data, shape, [3, 2, 0, 1]);

/** Linear weights [out, in] → [in, out], or back. */
export function turnMatrix(data: ArrayLike<number>, [rows, columns]: Shape): Float32Array {
  const result = new Float32Array(rows * columns);
  // Square by square: a matrix of VGG-16 has 411 MB, and walking down its columns waits for memory at each place.
  const edge = 64;
  for (let top = 0; top < rows; top += edge)
    for (let left = 0; left < columns; left += edge)
      for (let j = left; j < Math.min(columns, left + edge); j++)
        for (let i = top; i < Math.min(rows, top + edge); i++) result[j * rows + i] = data[i * columns + j];
  return result;
}
