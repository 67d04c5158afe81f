/**
 * IDX, the format of MNIST and its kin: a magic number, big-endian sizes, then bytes.
 *
 *   idx3: 00 00 08 03, count, rows, columns, then count·rows·columns pixels
 *   idx1: 00 00 08 01, count, then count labels
 *
 * LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".
 */

import { DatasetError } from "../tensor/errors.ts";
import { gunzip, isGzip } from "./gunzip.ts";
import { sharedBytes } from "./shared-bytes.ts";

export interface IdxImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** [count, height, width], a view of the file. */
  readonly pixels: Uint8Array;
}

type IdxKind = "images" | "labels";

/** Bytes of the header, and what the last of the four magic bytes counts: dimensions. */
const headers = { images: { bytes: 16, dimensions: 3 }, labels: { bytes: 8, dimensions: 1 } } as const;

/** Twice the largest published relative (EMNIST, 814,255 images of 28×28), several times over: more is a damaged header. */
const mostBytes = 2 ** 31 - 1;
const longestSide = 4096;

const grouped = (n: number) => n.toLocaleString("en-US");

/** Images of an idx3 file. Throws a DatasetError that names `file` and the byte when it is not one or has not the announced length. */
export function readIdxImages(bytes: Uint8Array, file: string): IdxImages {
  const [count, height, width] = checkedSizes(bytes, "images", file);
  return { count, height, width, pixels: bytes.subarray(headers.images.bytes) };
}

/** Labels of an idx1 file, a view of it. Throws as `readIdxImages` does. */
export function readIdxLabels(bytes: Uint8Array, file: string): Uint8Array {
  checkedSizes(bytes, "labels", file);
  return bytes.subarray(headers.labels.bytes);
}

/** The plain bytes of an IDX file that may be gzipped; nothing is inflated before its header is found sound. */
export async function inflateIdx(bytes: Uint8Array, kind: IdxKind, file: string): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  const headBytes = headers[kind].bytes;
  const announced = (head: Uint8Array) => headBytes + product(announcedSizes(head, kind, file));
  return gunzip(bytes, { file, headBytes, announced, allocate: sharedBytes });
}

function checkedSizes(bytes: Uint8Array, kind: IdxKind, file: string): number[] {
  const sizes = announcedSizes(bytes, kind, file);
  const whole = headers[kind].bytes + product(sizes);
  if (bytes.length < whole) {
    throw new DatasetError(
      `${file}: ends at byte ${grouped(bytes.length)} of ${grouped(whole)}: the file is truncated. Delete it to download it again.`,
      { file, byte: bytes.length, bytes: whole },
    );
  }
  if (bytes.length > whole) {
    throw new DatasetError(
      `${file}: has ${grouped(bytes.length)} bytes, but its header announces ${grouped(whole)} (${sizes.join(" × ")}).`,
      { file, byte: whole, bytes: bytes.length },
    );
  }
  return sizes;
}

/** The sizes in the header: [count, rows, columns] or [count]. */
function announcedSizes(bytes: Uint8Array, kind: IdxKind, file: string): number[] {
  const header = headers[kind];
  if (bytes.length < header.bytes) {
    throw new DatasetError(
      `${file}: has ${bytes.length} bytes, less than the ${header.bytes} of an IDX header of ${kind}.`,
      { file, byte: bytes.length },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x0800 + header.dimensions) {
    const hex = (n: number) => n.toString(16).padStart(8, "0");
    const other = kind === "images" ? "labels" : "images";
    const hint = magic === 0x0800 + headers[other].dimensions ? ` This is a file of ${other}.` : "";
    throw new DatasetError(
      `${file}: begins with ${hex(magic)}, not with ${hex(0x0800 + header.dimensions)}, the mark of IDX ${kind}.${hint}`,
      { file, byte: 0, magic },
    );
  }
  const sizes = Array.from({ length: header.dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const [count, ...sides] = sizes;
  if (count === 0 || product(sizes) > mostBytes || sides.some((side) => side === 0 || side > longestSide)) {
    throw new DatasetError(
      `${file}: the header announces ${sizes.join(" × ")} bytes, which no IDX file of ${kind} has: it is damaged.`,
      { file, byte: 4, sizes },
    );
  }
  return sizes;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}
