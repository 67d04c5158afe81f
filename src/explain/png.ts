/**
 * PNG files without compression: small pictures that need no library, in Node and in browsers alike.
 *
 * W3C, "Portable Network Graphics (PNG) Specification", third edition; stored blocks of RFC 1951 in the form of RFC 1950.
 */

import { crc32 } from "../tensor/crc32.ts";

/** The file of an image of 8-bit red, green and blue, [height, width, 3]. */
export function encodePng(pixels: Uint8Array, height: number, width: number): Uint8Array<ArrayBuffer> {
  // Each row begins with its filter: 0, none.
  const rows = new Uint8Array(height * (1 + 3 * width));
  for (let i = 0; i < height; i++)
    rows.set(pixels.subarray(i * 3 * width, (i + 1) * 3 * width), i * (1 + 3 * width) + 1);
  const header = new Uint8Array([...u32(width), ...u32(height), 8, 2, 0, 0, 0]);
  return joined([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    ...chunk("IHDR", header),
    ...chunk("IDAT", stored(rows)),
    ...chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array[] {
  const body = joined([Uint8Array.from(type, (letter) => letter.charCodeAt(0)), data]);
  return [u32(data.length), body, u32(crc32(body))];
}

/** A zlib stream of blocks that are not compressed, 65,535 bytes at most each. */
function stored(data: Uint8Array): Uint8Array {
  const most = 65_535;
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at < data.length; at += most) {
    const block = data.subarray(at, at + most);
    const isLast = at + most >= data.length;
    const [low, high] = [block.length & 255, block.length >> 8];
    parts.push(Uint8Array.of(isLast ? 1 : 0, low, high, low ^ 255, high ^ 255), block);
  }
  // Adler-32 of the data.
  let [a, b] = [1, 0];
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return joined([...parts, Uint8Array.of(b >> 8, b & 255, a >> 8, a & 255)]);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
