/**
 * What a pickle of PyTorch may say besides plain values: ordered dictionaries, storages, and tensors as views of them. All of it
 * is data here; any other name is refused, so nothing of a file is ever executed.
 *
 * The functions are those of torch/_utils.py; persistent ids are made in torch/serialization.py.
 */

import { type PickleDialect, type PickleFail, PickleName, type PickleValue } from "../data/pickle.ts";
import { CheckpointError } from "../tensor/errors.ts";
import type { ElementType } from "./element-types.ts";

/** Elements that tensors look at; their bytes lie elsewhere in the file. */
export class Storage {
  readonly type: ElementType;
  readonly key: string;
  /** Number of elements. */
  readonly count: number;
  constructor(type: ElementType, key: string, count: number) {
    this.type = type;
    this.key = key;
    this.count = count;
  }
}

/** A tensor: element i of its storage is offset + Σ index · stride, all counted in elements. */
export class StridedTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

type Part = Storage | StridedTensor | PickleName;
export type TorchValue = PickleValue<Part>;

/** PyTorch has 64 axes at most. */
const mostAxes = 64;

const storageTypes: Readonly<Record<string, ElementType>> = {
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  DoubleStorage: "F64",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Files that were written on a GPU by old versions name its storages. */
const storageName = /^torch(?:\.cuda)? (\w+)$/;

const callable = new Set([
  "collections OrderedDict",
  "collections Counter",
  "torch._utils _rebuild_tensor",
  "torch._utils _rebuild_tensor_v2",
  "torch._utils _rebuild_parameter",
  "torch Size",
  "builtins set",
  "builtins frozenset",
  "_codecs encode",
]);

/** The dialect of a file; the storages that it names are collected in `storages` by key. */
export function torchDialect(file: string, storages: Map<string, Storage>): PickleDialect<Part> {
  return {
    mostSteps: 2_000_000,
    fault(reason, offset) {
      const place = offset.toLocaleString("en-US");
      const message = `${file}: at byte ${place}: ${reason}: it is damaged or no checkpoint of PyTorch.`;
      return new CheckpointError(message, { file, offset, reason });
    },
    global(given) {
      const name = given.replace("__builtin__ ", "builtins "); // as Python 2 called them
      const storage = storageName.exec(name)?.[1];
      if (callable.has(name) || (storage !== undefined && Object.hasOwn(storageTypes, storage)))
        return new PickleName(name);
      const dotted = name.replace(" ", ".");
      throw new CheckpointError(
        `${file}: it asks for ${dotted}: arrays, numbers and texts are read, and nothing is executed. Save the state dict alone, torch.save(model.state_dict(), …).`,
        { file, asksFor: dotted },
      );
    },
    reduce,
    build(target, state, fail) {
      // An ordered dictionary with attributes, such as the `_metadata` of a state dict, which nothing here reads.
      if (!(target instanceof Map) || !(state instanceof Map)) fail("only a dictionary has a state");
    },
    persistent(id, fail) {
      const storage = storageOf(id, fail);
      const known = storages.get(storage.key);
      if (!known) storages.set(storage.key, storage);
      else if (known.type !== storage.type || known.count !== storage.count)
        fail(`storage ${storage.key} is named with two types or lengths`);
      return known ?? storage;
    },
  };
}

function reduce(callee: TorchValue, values: TorchValue, fail: PickleFail): TorchValue {
  if (!(callee instanceof PickleName) || !Array.isArray(values))
    return fail("what is called is not a function");
  switch (callee.name) {
    case "collections OrderedDict":
    case "collections Counter":
      return dictionaryOf(values, fail);
    case "torch._utils _rebuild_tensor":
    case "torch._utils _rebuild_tensor_v2":
      return tensorOf(values, fail);
    case "torch._utils _rebuild_parameter":
      return values[0] instanceof StridedTensor ? values[0] : fail("a parameter is no tensor");
    case "torch Size":
    case "builtins set":
    case "builtins frozenset":
      return Array.isArray(values[0]) ? values[0] : fail("a set or size is made of no list");
    case "_codecs encode": {
      // How protocol 2 has bytes: text of the same code points.
      const [text, encoding] = values;
      if (typeof text !== "string" || encoding !== "latin1") return fail("bytes are not latin1");
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    }
    default:
      return fail(`${callee.name} is called`);
  }
}

/** Python 2 wrote an ordered dictionary as a list of pairs. */
function dictionaryOf([content, ...more]: readonly TorchValue[], fail: PickleFail): Map<string, TorchValue> {
  if (more.length > 0) return fail("a dictionary is made of several values");
  if (content === undefined) return new Map();
  if (content instanceof Map) return new Map(content);
  if (!Array.isArray(content)) return fail("a dictionary is made of no pairs");
  return new Map(
    content.map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) return fail("a dictionary is made of no pairs");
      return [textOf(pair[0], fail), pair[1]] as const;
    }),
  );
}

function tensorOf([storage, offset, shape, strides]: readonly TorchValue[], fail: PickleFail): StridedTensor {
  if (!(storage instanceof Storage)) return fail("a tensor has no storage");
  if (!isCount(offset) || !isCounts(shape) || !isCounts(strides) || shape.length !== strides.length)
    return fail("a tensor has no offset, shape and strides");
  // The last element; a tensor without elements has none.
  const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset);
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!Number.isSafeInteger(size) || !shape.every((extent) => extent < 2 ** 48))
    return fail("a tensor is too large");
  if (size > 0 && !(last < storage.count))
    return fail(
      `a tensor [${shape}] with strides [${strides}] at ${offset} is outside its ${storage.count} elements`,
    );
  return new StridedTensor(storage, offset, shape, strides);
}

/** ("storage", its class, key, device, number of elements, and in older files a view, which new ones leave None). */
function storageOf(id: TorchValue, fail: PickleFail): Storage {
  if (!Array.isArray(id) || textOf(id[0], fail) !== "storage") return fail("a persistent id is no storage");
  const [, kind, key, , count, view = null] = id;
  const name = kind instanceof PickleName ? storageName.exec(kind.name)?.[1] : undefined;
  if (name === undefined || !Object.hasOwn(storageTypes, name)) return fail("a storage has no type");
  if (!isCount(count)) return fail("a storage has no length");
  if (view !== null) return fail("a storage is a view of another, as PyTorch wrote before 0.4");
  return new Storage(storageTypes[name], textOf(key, fail), count);
}

/** Python 2 wrote texts as bytes. */
export function textOf(value: TorchValue | undefined, fail: PickleFail): string {
  if (typeof value === "string" && value.length <= 1000) return value;
  if (value instanceof Uint8Array && value.length <= 1000) return String.fromCharCode(...value);
  return fail("a name is missing");
}

function isCount(value: TorchValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: TorchValue | undefined): value is number[] {
  return Array.isArray(value) && value.length <= mostAxes && value.every(isCount);
}
