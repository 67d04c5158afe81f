/**
 * Reads checkpoints of PyTorch (.pth, .pt, .th) as data: the named arrays of a state dict, and nothing of the file is executed.
 *
 *   since 1.6     a zip archive: <name>/data.pkl, <name>/data/<key> for each storage, <name>/byteorder
 *   before        one file: pickles of a magic number, the protocol, the machine, the value and the list of storage keys; then
 *                 for each key its number of elements (8 bytes) and its elements
 *
 * Both are written by torch/serialization.py, whose `_legacy_save` and `_save` this follows.
 */

import { type PickleDialect, readPickle } from "../data/pickle.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { elementBytes } from "./element-types.ts";
import { type Storage, type TorchValue, textOf, torchDialect } from "./pytorch-pickle.ts";
import { type Plain, stateDictOf } from "./pytorch-state-dict.ts";
import { denseReader } from "./pytorch-strides.ts";
import { StoredZip } from "./pytorch-zip.ts";
import type { RawTensor } from "./safetensors.ts";

export interface PyTorchFile {
  /** Arrays of the state dict by name, row-major, of the types they were saved with; "module." is taken off their names. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** Numbers, texts and flags that stand beside the state dict, such as "epoch" or "arch"; whole numbers past 2⁵³ are rounded. */
  readonly entries: ReadonlyMap<string, Plain>;
}

/** As PyTorch's MAGIC_NUMBER, as near as a double has it. */
const magic = Number(0x1950a86a20f9469cfc6cn);

/** Whether a file may be a checkpoint of PyTorch, by its first bytes. */
export function isPyTorch(bytes: Uint8Array): boolean {
  return isZip(bytes) || (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5) || isTar(bytes);
}

/**
 * Reads a whole file; `file` names it in errors. The state dict is the file's value, or what stands under "state_dict",
 * "model_state_dict" or "model" in it; dictionaries in it give dotted names. Arrays are views of `bytes` where they are dense.
 * Throws a CheckpointError with file and reason when the file is damaged, of another kind, or asks for anything but arrays and plain values.
 */
export function readPyTorch(bytes: Uint8Array, file: string): PyTorchFile {
  if (isTar(bytes)) {
    throw new CheckpointError(
      `${file}: is a tar archive of PyTorch before 0.1.10, which is not read. Load it with PyTorch and save it again.`,
      { file },
    );
  }
  const { value, elements } = isZip(bytes) ? readArchive(bytes, file) : readLegacy(bytes, file);
  return stateDictOf(value, denseReader(elements, bytes.length, file), file);
}

interface Content {
  readonly value: TorchValue;
  /** The bytes of a storage. */
  readonly elements: (storage: Storage) => Uint8Array;
}

function readArchive(bytes: Uint8Array, file: string): Content {
  const zip = new StoredZip(bytes, file);
  const pickle = [...zip.entries.values()].find(({ name }) => /^[^/]*\/data\.pkl$/.test(name));
  if (!pickle)
    throw new CheckpointError(`${file}: is a zip archive without data.pkl: no checkpoint of PyTorch.`, {
      file,
    });
  const folder = pickle.name.slice(0, -"data.pkl".length);
  if (zip.entries.has(`${folder}constants.pkl`))
    throw new CheckpointError(`${file}: is a TorchScript program, not a state dict. Save its state_dict().`, {
      file,
    });
  const order = zip.entries.get(`${folder}byteorder`);
  if (order && latin1(zip.read(order)) !== "little") throw bigEndian(file);

  const dialect = torchDialect(file, new Map());
  zip.read(pickle);
  // Of the whole file, so that errors tell its bytes; the check sum has held the entry against its end.
  const { value } = readPickle(bytes.subarray(0, pickle.offset + pickle.size), dialect, pickle.offset);
  const read = new Map<string, Uint8Array>();
  const elements = ({ key, type, count }: Storage) => {
    const known = read.get(key);
    if (known) return known;
    const entry = zip.entries.get(`${folder}data/${key}`);
    if (!entry || entry.size !== count * elementBytes[type])
      throw dialect.fault(`storage ${key} of ${count} elements is not in the archive`, pickle.offset);
    const content = zip.read(entry);
    read.set(key, content);
    return content;
  };
  return { value, elements };
}

function readLegacy(bytes: Uint8Array, file: string): Content {
  const storages = new Map<string, Storage>();
  const dialect = torchDialect(file, storages);
  let at = 0;
  const next = () => {
    const { value, end } = readPickle(bytes, dialect, at);
    at = end;
    return value;
  };
  if (next() !== magic) throw dialect.fault("the magic number is missing", 0);
  const protocol = next();
  if (protocol !== 1001) throw dialect.fault("the protocol is not 1001", at);
  const machine = next();
  if (machine instanceof Map && machine.get("little_endian") === false) throw bigEndian(file);
  const value = next();
  const keys = next();
  const content = storagesAfter(bytes, at, keys, storages, dialect);
  const elements = ({ key }: Storage) => {
    const found = content.get(key);
    if (!found) throw dialect.fault(`storage ${key} is not in the file`, at);
    return found;
  };
  return { value, elements };
}

/** The storages that stand behind the pickles, in the order of `keys`. */
function storagesAfter(
  bytes: Uint8Array,
  from: number,
  keys: TorchValue,
  storages: ReadonlyMap<string, Storage>,
  dialect: PickleDialect<unknown>,
): Map<string, Uint8Array> {
  if (!Array.isArray(keys)) throw dialect.fault("the list of storages is missing", from);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const content = new Map<string, Uint8Array>();
  let at = from;
  for (const each of keys) {
    const key = textOf(each, (reason) => {
      throw dialect.fault(reason, from);
    });
    const storage = storages.get(key);
    if (!storage || content.has(key)) throw dialect.fault(`storage ${key} belongs to no tensor`, at);
    if (at + 8 > bytes.length) throw dialect.fault(`the file ends before storage ${key}`, at);
    const count = view.getBigInt64(at, true);
    if (count !== BigInt(storage.count))
      throw dialect.fault(`storage ${key} has ${count} elements, not ${storage.count}`, at);
    const end = at + 8 + storage.count * elementBytes[storage.type];
    if (end > bytes.length) throw dialect.fault(`the file ends within storage ${key}`, at);
    content.set(key, bytes.subarray(at + 8, end));
    at = end;
  }
  if (at !== bytes.length) throw dialect.fault(`${bytes.length - at} bytes follow the last storage`, at);
  return content;
}

function isZip(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(0, 4)) === "PK\u0003\u0004";
}

function isTar(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(257, 262)) === "ustar";
}

function latin1(bytes: Uint8Array): string {
  return bytes.length > 100 ? "" : String.fromCharCode(...bytes);
}

function bigEndian(file: string): CheckpointError {
  return new CheckpointError(`${file}: was written on a big-endian machine, which is not read.`, { file });
}
