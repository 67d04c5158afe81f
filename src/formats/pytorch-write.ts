/**
 * Writes a state dict as PyTorch's `torch.save` does since 1.6, for `torch.load` and `load_state_dict`: a zip archive, nothing
 * compressed, of a pickle and one file a tensor.
 *
 *   archive/data.pkl     OrderedDict of name → torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())
 *   archive/byteorder    "little"
 *   archive/data/0, …    elements of each storage, from a multiple of 64 bytes on
 *   archive/version      "3"
 *
 * torch/serialization.py, `_save`; PKWARE's APPNOTE.TXT 6.3. The bytes depend on names, shapes and values alone: no time stands in them.
 */

import { crc32 } from "../tensor/crc32.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { type ElementType, elementBytes } from "./element-types.ts";
import type { WritableTensor } from "./safetensors.ts";

const storageNames: Readonly<Partial<Record<ElementType, string>>> = {
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  F64: "DoubleStorage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/** Offsets of a zip archive without its extension for large ones are of 32 bits. */
const mostBytes = 0xffff_0000;

/**
 * The bytes of a .pth file. Throws a CheckpointError where a tensor's type is none of PyTorch's, its elements do not fill its shape,
 * or the file would pass 4 GiB (`writeShards` has no such bound).
 */
export function writePyTorch(tensors: ReadonlyMap<string, WritableTensor>): Uint8Array<ArrayBuffer> {
  const stored = [...tensors].map(([name, tensor], key) => storedOf(name, tensor, `${key}`));
  return zipOf([
    { name: "archive/data.pkl", content: stateDictPickle(stored) },
    { name: "archive/byteorder", content: ascii("little") },
    ...stored.map(({ key, content }) => ({ name: `archive/data/${key}`, content })),
    { name: "archive/version", content: ascii("3\n") },
  ]);
}

interface Stored {
  readonly name: string;
  readonly key: string;
  readonly storage: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly content: Uint8Array;
}

function storedOf(name: string, tensor: WritableTensor, key: string): Stored {
  const [type, content] =
    "data" in tensor
      ? (["F32", new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)] as const)
      : ([tensor.type, tensor.bytes] as const);
  const storage = storageNames[type];
  if (storage === undefined)
    throw new CheckpointError(`${name}: PyTorch has no tensors of ${type}.`, { name, type });
  const count = tensor.shape.reduce((product, extent) => product * extent, 1);
  if (count * elementBytes[type] !== content.length) {
    const takes = `shape [${tensor.shape.join(", ")}] of ${type} takes ${count * elementBytes[type]} bytes`;
    throw new CheckpointError(`${name}: ${takes}, but it has ${content.length}.`, {
      name,
      shape: tensor.shape,
    });
  }
  return { name, key, storage, shape: tensor.shape, count, content };
}

/** Protocol 2, in the opcodes that `torch.save` itself writes. */
function stateDictPickle(stored: readonly Stored[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const put = (...more: (Uint8Array | string)[]) =>
    parts.push(...more.map((part) => (typeof part === "string" ? ascii(part) : part)));
  const emptyDictionary = "ccollections\nOrderedDict\n)R";
  put("\x80\x02", emptyDictionary, "(");
  for (const { name, key, storage, shape, count } of stored) {
    put(text(name), "ctorch._utils\n_rebuild_tensor_v2\n(");
    put("(", text("storage"), `ctorch\n${storage}\n`, text(key), text("cpu"), whole(count), "tQ", whole(0));
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, extent) => product * extent, 1),
    );
    put("(", ...shape.map(whole), "t(", ...strides.map(whole), "t");
    put("\x89", emptyDictionary, "tR");
  }
  put("u.");
  return joined(parts);
}

/** BINUNICODE. */
function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joined([ascii("X"), u32(bytes.length), bytes]);
}

/** BININT, or LONG1 of 8 bytes past 31 bits. */
function whole(value: number): Uint8Array {
  if (value < 2 ** 31) return joined([ascii("J"), u32(value)]);
  return joined([ascii("\x8a\x08"), new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)]);
}

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Stored entries, each from a multiple of 64 bytes on, padded as PyTorch pads: by an extra field "FB". */
function zipOf(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content } of entries) {
    const padding = (64 - ((at + 30 + name.length + 4) % 64)) % 64;
    const extra = joined([ascii("FB"), u16(padding), new Uint8Array(padding).fill(0x5a)]);
    // Version 2.0, UTF-8 names, stored; 1 January 1980, the first day there is.
    const common = joined([
      ...[u16(20), u16(0x0800), u16(0), u16(0), u16(0x21)],
      ...[u32(crc32(content)), u32(content.length), u32(content.length), u16(name.length)],
    ]);
    locals.push(ascii("PK\x03\x04"), common, u16(extra.length), ascii(name), extra, content);
    const none = new Uint8Array(8); // no extra field, no comment, disk 0, no attributes inside
    directory.push(ascii("PK\x01\x02"), u16(20), common, none, u32(0), u32(at), ascii(name));
    at += 30 + name.length + extra.length + content.length;
    if (at > mostBytes)
      throw new CheckpointError("The file would be larger than 4 GiB. Write safetensors instead.", {
        bytes: at,
      });
  }
  const list = joined(directory);
  const [count, size, offset] = [u16(entries.length), u32(list.length), u32(at)];
  if (entries.length > 0xfffe)
    throw new CheckpointError("The file would have over 65,534 entries. Write safetensors instead.", {
      entries: entries.length,
    });
  return joined([...locals, list, ascii("PK\x05\x06"), u16(0), u16(0), count, count, size, offset, u16(0)]);
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

/** Code points to bytes. */
function ascii(value: string): Uint8Array {
  return Uint8Array.from(value, (letter) => letter.charCodeAt(0));
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 255, value >> 8);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
