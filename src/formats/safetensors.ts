/**
 * Safetensors, the file format of Hugging Face for named arrays, read and written without trust in the file.
 *
 *   bytes 0…7       length n of the header, unsigned, little-endian
 *   bytes 8…8+n−1   JSON {"name": {"dtype", "shape", "data_offsets": [begin, end]}, …, "__metadata__": {"key": "text"}}
 *   the rest        elements, little-endian, row-major; offsets count from here, and leave neither holes nor overlaps
 *
 * https://huggingface.co/docs/safetensors; the limits are those of its reference implementation in Rust.
 */

import { CheckpointError, formatShape } from "../tensor/index.ts";
import { type ElementType, elementBytes, isElementType, toFloat32 } from "./element-types.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Longest header that is read, as in the reference implementation. */
const maxHeaderBytes = 100_000_000;

/** An array as it lies in a file. */
export interface RawTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Its elements in the file's form: a view of the bytes that were read. */
  readonly bytes: Uint8Array;
}

/** What can be written: float32 values, or bytes of a stated type. */
export type WritableTensor = RawTensor | { readonly shape: readonly number[]; readonly data: Float32Array };

export interface SafetensorsFile {
  /** Arrays by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the elements begin: 8 bytes and the header before them. */
  readonly dataOffset: number;
}

/** Values of a raw array as float32; see `toFloat32` for what is exact. */
export function float32Values(tensor: RawTensor): Float32Array {
  return toFloat32(tensor.type, tensor.bytes);
}

/**
 * Reads a whole file. `file` names it in errors. Nothing is copied: arrays are views of `bytes`.
 * Throws a CheckpointError with file, reason and byte offset when any rule of the format is broken.
 */
export function readSafetensors(bytes: Uint8Array, file: string): SafetensorsFile {
  const header = headerOf(bytes, file);
  const dataOffset = 8 + header.length;
  const parsed = parseStrictJson(header);
  if ("reason" in parsed) throw fault(file, 8 + parsed.offset, `${parsed.reason}, in the header`);
  if (!isRecord(parsed.value)) throw fault(file, 8, "the header is not a JSON object");

  let metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(parsed.value)) {
    if (name === "__metadata__") metadata = metadataOf(value, file);
    else entries.push(entryOf(name, value, file));
  }

  // An empty array begins and ends where its neighbour begins, so ends break ties.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const dataBytes = bytes.length - dataOffset;
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const what = begin < covered ? "overlaps the one before it" : "leaves a gap after the one before it";
      throw fault(
        file,
        dataOffset + begin,
        `${name} ${what}, which ends at byte ${print(dataOffset + covered)}`,
      );
    }
    if (end > dataBytes) {
      throw fault(
        file,
        dataOffset + begin,
        `${name} needs ${print(end - begin)} bytes, but the file ends at byte ${print(bytes.length)}: it is truncated`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    const extra = print(dataBytes - covered);
    throw fault(file, dataOffset + covered, `${extra} bytes follow that belong to no array`);
  }

  const tensors = new Map<string, RawTensor>();
  for (const { name, type, shape, begin, end } of entries) {
    tensors.set(name, { type, shape, bytes: bytes.subarray(dataOffset + begin, dataOffset + end) });
  }
  return { tensors, metadata, dataOffset };
}

interface Entry {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The header's bytes; its length is held against the file before anything else is done with it. */
function headerOf(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes.length < 8) {
    throw fault(file, bytes.length, "the file ends before the 8 bytes of the header length: it is truncated");
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw fault(file, 0, `a header of ${print(length)} bytes is over the limit of ${print(maxHeaderBytes)}`);
  }
  if (8 + Number(length) > bytes.length) {
    const ends = `ends at byte ${print(bytes.length)}: it is truncated, or no safetensors file`;
    throw fault(file, 0, `the header takes ${print(length)} bytes, but the file ${ends}`);
  }
  return bytes.subarray(8, 8 + Number(length));
}

function metadataOf(value: unknown, file: string): Map<string, string> {
  if (!isRecord(value)) throw fault(file, 8, "__metadata__ is not a JSON object");
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string")
      throw fault(file, 8, `__metadata__ has ${printKey(key)}, which is not text`);
    metadata.set(key, text);
  }
  return metadata;
}

function entryOf(rawName: string, value: unknown, file: string): Entry {
  const name = printKey(rawName);
  if (!isRecord(value)) throw fault(file, 8, `the header's entry ${name} is not a JSON object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isElementType(dtype)) {
    const known = Object.keys(elementBytes).join(", ");
    throw fault(file, 8, `${name} has dtype ${printJson(dtype)}; known are ${known}`);
  }
  if (!isExtents(shape)) throw fault(file, 8, `${name} has shape ${printJson(shape)}, which is none`);
  if (!isExtents(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    throw fault(file, 8, `${name} has data_offsets ${printJson(offsets)}, not [begin, end]`);
  }
  const [begin, end] = offsets;
  let bytes: number = elementBytes[dtype];
  for (const extent of shape) {
    bytes *= extent;
    // Past 2⁵³ the product would round, and a wrong size could look right.
    if (!Number.isSafeInteger(bytes))
      throw fault(file, 8, `${name} has shape ${printJson(shape)}, too large`);
  }
  if (bytes !== end - begin) {
    const takes = `${name} of ${dtype} ${printJson(shape)} takes ${print(bytes)} bytes`;
    throw fault(file, 8, `${takes}, but data_offsets [${begin}, ${end}] hold ${print(end - begin)}`);
  }
  return { name: rawName, type: dtype, shape, begin, end };
}

/**
 * Writes a file. The bytes depend on names, shapes, values and metadata only, not on the order of the maps: arrays lie
 * by falling element size (so that each is aligned), then by name. Throws a CheckpointError when a shape does not match.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer> {
  const arrays = [...tensors].map(([name, tensor]) => rawOf(name, tensor));
  arrays.sort((a, b) => elementBytes[b.type] - elementBytes[a.type] || (a.name < b.name ? -1 : 1));

  const sortedMetadata = [...metadata].sort(([a], [b]) => (a < b ? -1 : 1));
  // Pairs rather than an object: an object would put names such as "0" first and drop "__proto__".
  const fields: string[] = [];
  if (metadata.size > 0) {
    const pairs = sortedMetadata.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
    fields.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  let offset = 0;
  for (const { name, type, shape, bytes } of arrays) {
    const entry = { dtype: type, shape, data_offsets: [offset, offset + bytes.length] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += bytes.length;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  // Spaces up to a multiple of 8, so that the elements are aligned in the file too.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const { bytes } of arrays) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

function rawOf(name: string, tensor: WritableTensor): RawTensor & { readonly name: string } {
  if (name === "__metadata__") throw new CheckpointError("No array can be called __metadata__.", { name });
  const { shape } = tensor;
  const raw: RawTensor =
    "data" in tensor
      ? {
          type: "F32",
          shape,
          bytes: new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
        }
      : tensor;
  const takes = shape.reduce((product, extent) => product * extent, elementBytes[raw.type]);
  if (takes !== raw.bytes.length) {
    const message = `${name}: shape ${formatShape(shape)} of ${raw.type} takes ${print(takes)} bytes, but it has`;
    throw new CheckpointError(`${message} ${print(raw.bytes.length)}.`, { name, shape });
  }
  return { name, ...raw };
}

function fault(file: string, offset: number, reason: string): CheckpointError {
  return new CheckpointError(`${file}: at byte ${print(offset)}: ${reason}.`, { file, offset, reason });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isExtents(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
}

function print(number: number | bigint): string {
  return number.toLocaleString("en-US");
}

/** Names and values of a broken file may be long: enough to know them by. */
function printKey(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}…` : key;
}

function printJson(value: unknown): string {
  return printKey(JSON.stringify(value) ?? "none");
}
