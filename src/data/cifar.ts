/**
 * The binary files of CIFAR-10 and CIFAR-100: records of one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes, the red,
 * green and blue planes of 32×32 pixels. Any whole number of records is a file.
 *
 * Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
 */

import { DatasetError } from "../tensor/errors.ts";
import { sharedBytes } from "./shared-bytes.ts";

export const cifarShape = [32, 32, 3] as const;

/** Pixels of one plane, and bytes of one image. */
const area = 32 * 32;
const imageBytes = 3 * area;

/** Labelled images in memory. */
export interface CifarImages {
  readonly count: number;
  /** [count, 32, 32, 3], in shared memory where there is some. */
  readonly pixels: Uint8Array;
  /** [count]; of CIFAR-100 the fine labels. */
  readonly labels: Uint8Array;
}

/** One file: its bytes and its name for errors. */
export interface NamedBytes {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** Reads files of records as one list of images; `classes` is 10 or 100. Throws a DatasetError that names the file and the byte. */
export function readCifarRecords(files: readonly NamedBytes[], classes: 10 | 100): CifarImages {
  const labelBytes = classes === 100 ? 2 : 1;
  const record = labelBytes + imageBytes;
  for (const { file, bytes } of files) {
    if (bytes.length === 0 || bytes.length % record !== 0) {
      const whole = Math.floor(bytes.length / record);
      throw new DatasetError(
        `${file}: has ${bytes.length.toLocaleString("en-US")} bytes: ${whole.toLocaleString("en-US")} records of ${record.toLocaleString("en-US")} and ${bytes.length % record} bytes more: the file is truncated or not of CIFAR-${classes}.`,
        { file, byte: whole * record, bytes: bytes.length },
      );
    }
  }
  const count = files.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const pixels = sharedBytes(count * imageBytes);
  const labels = new Uint8Array(count);
  let image = 0;
  for (const { file, bytes } of files) {
    for (let at = 0; at < bytes.length; at += record, image++) {
      const label = bytes[at + labelBytes - 1];
      if (label >= classes) {
        throw new DatasetError(
          `${file}: the record at byte ${at.toLocaleString("en-US")} has label ${label}, but CIFAR-${classes} has ${classes} classes: the file is damaged or of another set.`,
          { file, byte: at, label },
        );
      }
      labels[image] = label;
      interleave(bytes, at + labelBytes, pixels, image * imageBytes);
    }
  }
  return { count, pixels, labels };
}

/** Turns three planes into pixels: source [c, h, w] → target [h, w, c]. */
export function interleave(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let p = 0; p < area; p++) {
    target[to + 3 * p] = source[from + p];
    target[to + 3 * p + 1] = source[from + area + p];
    target[to + 3 * p + 2] = source[from + 2 * area + p];
  }
}
