/** CIFAR's Python batches: a dictionary with `data` [n, 3072] and `labels` (CIFAR-100: `fine_labels`) [n]. */

import { DatasetError } from "../tensor/errors.ts";
import { type CifarImages, interleave, type NamedBytes } from "./cifar.ts";
import { type Pickled, PickledArray, readArrayPickle } from "./pickle-arrays.ts";
import { sharedBytes } from "./shared-bytes.ts";

const imageBytes = 3072;

/** Reads batches as one list of images; `classes` is 10 or 100. Throws a DatasetError that names the file and what is wrong. */
export function readCifarPickles(files: readonly NamedBytes[], classes: 10 | 100): CifarImages {
  const key = classes === 100 ? "fine_labels" : "labels";
  const batches = files.map(({ file, bytes }) => readBatch(readArrayPickle(bytes, file), key, classes, file));
  const count = batches.reduce((sum, { labels }) => sum + labels.length, 0);
  const pixels = sharedBytes(count * imageBytes);
  const labels = new Uint8Array(count);
  let image = 0;
  for (const batch of batches) {
    labels.set(batch.labels, image);
    for (let i = 0; i < batch.labels.length; i++, image++) {
      interleave(batch.data, i * imageBytes, pixels, image * imageBytes);
    }
  }
  return { count, pixels, labels };
}

function readBatch(batch: Pickled, key: string, classes: number, file: string) {
  if (!(batch instanceof Map)) throw new DatasetError(`${file}: is not a dictionary.`, { file });
  const data = batch.get("data");
  if (!(data instanceof PickledArray) || data.dtype !== "u1" || data.shape[1] !== imageBytes) {
    throw new DatasetError(`${file}: has no "data" of bytes [n, ${imageBytes}].`, { file });
  }
  const labels = integers(batch.get(key));
  if (!labels) throw new DatasetError(`${file}: has no list "${key}" of integers.`, { file });
  if (data.shape.length !== 2 || labels.length !== data.shape[0] || labels.length === 0) {
    throw new DatasetError(`${file}: has ${labels.length} labels for data [${data.shape}].`, { file });
  }
  const wrong = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (wrong >= 0) {
    throw new DatasetError(
      `${file}: image ${wrong} has label ${labels[wrong]}, but there are ${classes} classes.`,
      { file, index: wrong, label: labels[wrong] },
    );
  }
  return { data: data.bytes, labels };
}

/** A list of integers, or an array of them. */
function integers(value: Pickled | undefined): number[] | undefined {
  if (value instanceof PickledArray && value.shape.length === 1) {
    const { bytes, dtype } = value;
    const size = bytes.length / (value.shape[0] || 1);
    // Labels are small: the low byte of a little-endian number is all of it, if the others are zero.
    const isSmall = bytes.every((byte, i) => i % size === 0 || byte === 0);
    if (!isSmall || !/^[iu]/.test(dtype)) return undefined;
    return Array.from({ length: value.shape[0] }, (_, i) => bytes[i * size]);
  }
  if (!Array.isArray(value) || !value.every((item) => Number.isInteger(item))) return undefined;
  return value.map(Number);
}
