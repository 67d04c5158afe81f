/**
 * The zip archives in which PyTorch keeps checkpoints since 1.6: entries stored as they are, none compressed, so an entry is a
 * view of the file and no announced size takes memory.
 *
 * PKWARE's APPNOTE.TXT 6.3: 4.3.7 local header, 4.3.12 directory, 4.3.14 to 4.3.16 its end, 4.5.3 sizes of 64 bits.
 */

import { crc32 } from "../tensor/crc32.ts";
import { CheckpointError } from "../tensor/errors.ts";

export interface ZipEntry {
  readonly name: string;
  /** Of its first byte in the file. */
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
}

/** An archive's entries by name; the check sum of one is looked at when its bytes are asked for. */
export class StoredZip {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #bytes: Uint8Array;
  readonly #file: string;

  /** Throws a CheckpointError that names `file` when the archive is cut, has holes in its directory or compressed entries. */
  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#file = file;
    this.entries = entriesOf(bytes, file);
  }

  /** A view of an entry's bytes. Throws a CheckpointError when they are not those that were written. */
  read({ name, offset, size, crc }: ZipEntry): Uint8Array {
    const content = this.#bytes.subarray(offset, offset + size);
    if (crc32(content) !== crc)
      throw fault(this.#file, offset, `${name} does not match its check sum: the file is damaged`);
    return content;
  }
}

const localSignature = 0x04034b50;
const directorySignature = 0x02014b50;
const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locatorSignature = 0x07064b50;

function entriesOf(bytes: Uint8Array, file: string): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = directoryOf(view, file);
  const entries = new Map<string, ZipEntry>();
  let at = directory.offset;
  for (let i = 0; i < directory.count; i++) {
    if (at + 46 > directory.end || view.getUint32(at, true) !== directorySignature)
      throw fault(file, at, `the directory of the archive has no entry ${i + 1} of ${directory.count}`);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    );
    const next = at + 46 + nameBytes + extraBytes + commentBytes;
    if (next > directory.end) throw fault(file, at, "an entry of the directory goes past its end");
    const name = new TextDecoder().decode(new Uint8Array(bytes.subarray(at + 46, at + 46 + nameBytes)));
    const isEncrypted = (view.getUint16(at + 8, true) & 1) !== 0;
    if (view.getUint16(at + 10, true) !== 0 || isEncrypted)
      throw fault(file, at, `${shortened(name)} is compressed or encrypted, which PyTorch does not do`);
    const crc = view.getUint32(at + 16, true);
    const wide = wideFields(view, at, at + 46 + nameBytes, extraBytes, file);
    const [packed, size, local] = wide;
    if (packed !== size) throw fault(file, at, `${shortened(name)} has two sizes`);
    if (local + 30 > directory.offset || view.getUint32(local, true) !== localSignature)
      throw fault(file, at, `${shortened(name)} is not where the directory says`);
    const offset = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (offset + size > directory.offset)
      throw fault(file, at, `${shortened(name)} of ${print(size)} bytes goes past the end of the data`);
    if (entries.has(name)) throw fault(file, at, `${shortened(name)} is there twice`);
    entries.set(name, { name, offset, size, crc });
    at = next;
  }
  return entries;
}

/** Packed size, size and offset of a directory entry; those that do not fit 32 bits stand in its extra field, in this order. */
function wideFields(
  view: DataView,
  at: number,
  extra: number,
  extraBytes: number,
  file: string,
): [packed: number, size: number, offset: number] {
  const fields: [number, number, number] = [
    view.getUint32(at + 20, true),
    view.getUint32(at + 24, true),
    view.getUint32(at + 42, true),
  ];
  if (!fields.includes(0xffffffff)) return fields;
  for (let from = extra; from + 4 <= extra + extraBytes; from += 4 + view.getUint16(from + 2, true)) {
    if (view.getUint16(from, true) !== 1) continue;
    let place = from + 4;
    const end = Math.min(place + view.getUint16(from + 2, true), extra + extraBytes);
    // Sizes come before the packed size in the extra field, and equal it.
    for (const field of [1, 0, 2]) {
      if (fields[field] !== 0xffffffff || place + 8 > end) continue;
      fields[field] = Number(view.getBigUint64(place, true));
      place += 8;
    }
    return fields;
  }
  throw fault(file, at, "an entry over 4 GiB lacks its size");
}

/** Where the directory lies. The archive's end is looked for from the back, as a comment of up to 64 KiB may follow it. */
function directoryOf(view: DataView, file: string): { offset: number; end: number; count: number } {
  let end = view.byteLength - 22;
  const first = Math.max(0, end - 0xffff);
  while (end >= first && view.getUint32(end, true) !== endSignature) end--;
  if (end < first)
    throw fault(file, view.byteLength, "the archive has no end: the file is truncated or damaged");
  let count = view.getUint16(end + 10, true);
  let size = view.getUint32(end + 12, true);
  let offset = view.getUint32(end + 16, true);
  if (end >= 20 && view.getUint32(end - 20, true) === locatorSignature) {
    const end64 = Number(view.getBigUint64(end - 12, true));
    if (end64 + 56 > end || view.getUint32(end64, true) !== end64Signature)
      throw fault(file, end - 20, "the archive's end of 64 bits is not where it should be");
    count = Number(view.getBigUint64(end64 + 32, true));
    size = Number(view.getBigUint64(end64 + 40, true));
    offset = Number(view.getBigUint64(end64 + 48, true));
  }
  if (offset + size > end || count * 46 > size)
    throw fault(file, end, `a directory of ${print(count)} entries and ${print(size)} bytes is not there`);
  return { offset, end: offset + size, count };
}

function fault(file: string, offset: number, reason: string): CheckpointError {
  return new CheckpointError(`${file}: at byte ${print(offset)}: ${reason}.`, { file, offset, reason });
}

function shortened(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}

function print(number: number): string {
  return number.toLocaleString("en-US");
}
