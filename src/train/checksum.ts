/**
 * The checksum of a checkpoint: 64 hexadecimal digits in its metadata that change when any other byte of the file does.
 *
 *   SHA-256(SHA-256(header with zeros for the digits) ‖ SHA-256(elements))
 *
 * Two halves, so that only the small one is copied to put the zeros in. WebCrypto does the work: Node has it, and browsers
 * give it to pages that come over https or from the own machine.
 */

import { EngineError } from "../tensor/index.ts";

/** Stands in the metadata while the file is hashed. */
export const noChecksum = "0".repeat(64);

/** How the metadata says it; quotes and all, so that it is found in the header's bytes. */
const label = '"striate.sha256":"';

/** Where the digits stand in the file, or −1. */
function digitsAt(file: Uint8Array, dataOffset: number): number {
  const header = new TextDecoder("latin1").decode(file.subarray(0, dataOffset)); // one character a byte
  const at = header.indexOf(label);
  return at < 0 || at + label.length + 64 > dataOffset ? -1 : at + label.length;
}

/** The checksum that belongs to `file`, whose elements begin at `dataOffset`, or undefined when it has no place for one. */
export async function checksumOf(
  file: Uint8Array<ArrayBuffer>,
  dataOffset: number,
): Promise<string | undefined> {
  const at = digitsAt(file, dataOffset);
  if (at < 0) return undefined;
  const header = new Uint8Array(file.subarray(0, dataOffset)); // a copy, also of Node's Buffer, whose slice is none
  header.set(new TextEncoder().encode(noChecksum), at);
  const halves = new Uint8Array(64);
  halves.set(await sha256(header), 0);
  halves.set(await sha256(file.subarray(dataOffset)), 32);
  return Array.from(await sha256(halves), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Puts the checksum in its place. `file` was written with `noChecksum` there. */
export async function seal(file: Uint8Array<ArrayBuffer>, dataOffset: number): Promise<void> {
  const checksum = await checksumOf(file, dataOffset);
  if (checksum) file.set(new TextEncoder().encode(checksum), digitsAt(file, dataOffset));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    throw new EngineError(
      "Checkpoints need WebCrypto, which browsers give only to secure pages. Serve the page over https or from localhost.",
    );
  }
  return new Uint8Array(await subtle.digest("SHA-256", bytes));
}
