/** Makes small files in the formats of data sets, for tests of their readers. */

import { gzipSync } from "node:zlib";
import { RandomStream } from "../src/tensor/random.ts";

/** An idx3 file of `count` images of random pixels. */
export function idxImages(count: number, height: number, width: number, seed = 1): Uint8Array {
  return concat(bigEndian(0x0803, count, height, width), randomBytes(count * height * width, seed));
}

/** An idx1 file of these labels. */
export function idxLabels(labels: readonly number[]): Uint8Array {
  return concat(bigEndian(0x0801, labels.length), Uint8Array.from(labels));
}

/** Records of CIFAR-10 (one label byte) or CIFAR-100 (a coarse label of 0, then the fine one), with random pixels. */
export function cifarRecords(labels: readonly number[], labelBytes = 1, seed = 1): Uint8Array {
  const prefix = labelBytes === 2 ? [0] : [];
  return concat(
    ...labels.map((label, i) => concat(Uint8Array.of(...prefix, label), randomBytes(3072, seed + i))),
  );
}

/** A batch as Python 2's cPickle wrote those of cifar-10-python.tar.gz: strings are bytes, arrays are rebuilt by numpy.core. */
export function cifarPickle(labels: readonly number[], data: Uint8Array, key = "labels"): Uint8Array {
  const text = (value: string) => concat(Uint8Array.of(0x55, value.length), ascii(value));
  const u16 = (value: number) => Uint8Array.of(0x4d, value & 255, value >> 8);
  const n = labels.length;
  return concat(
    Uint8Array.of(0x80, 2, 0x7d, 0x71, 1, 0x28),
    text("batch_label"),
    text("training batch 1 of 5"),
    text(key),
    Uint8Array.of(0x5d, 0x71, 5, 0x28, ...labels.flatMap((label) => [0x4b, label]), 0x65),
    text("data"),
    ascii("cnumpy.core.multiarray\n_reconstruct\nq\u0007cnumpy\nndarray\nq\u0008K\u0000"),
    Uint8Array.of(0x85),
    text("b"),
    Uint8Array.of(0x87, 0x52, 0x71, 9, 0x28, 0x4b, 1),
    concat(u16(n), u16(3072), Uint8Array.of(0x86)),
    ascii("cnumpy\ndtype\nq\n"),
    text("u1"),
    Uint8Array.of(0x4b, 0, 0x4b, 1, 0x87, 0x52, 0x71, 0x0b, 0x28, 0x4b, 3),
    text("|"),
    Uint8Array.of(
      0x4e,
      0x4e,
      0x4e,
      0x4a,
      255,
      255,
      255,
      255,
      0x4a,
      255,
      255,
      255,
      255,
      0x4b,
      0,
      0x74,
      0x62,
      0x89,
    ),
    Uint8Array.of(0x54, ...littleEndian(data.length)),
    data,
    Uint8Array.of(0x74, 0x62, 0x75, 0x2e),
  );
}

/** A tar archive of these files, with ustar headers. */
export function tar(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const members = Object.entries(files).map(([name, bytes]) => {
    const header = new Uint8Array(512);
    header.set(ascii(name), 0);
    header.set(ascii("0000644\0"), 100);
    header.set(ascii(`${bytes.length.toString(8).padStart(11, "0")}\0`), 124);
    header.set(ascii("        0ustar\u000000"), 148);
    const sum = header.reduce((a, b) => a + b, 0);
    header.set(ascii(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return concat(header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
  });
  return concat(...members, new Uint8Array(1024));
}

export function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

export function randomBytes(length: number, seed: number): Uint8Array {
  const random = new RandomStream(seed);
  return Uint8Array.from({ length }, () => random.integer(256));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function bigEndian(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}

function littleEndian(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
}
