/**
 * Weights in several safetensors files with an index beside them, as Hugging Face keeps large models.
 *
 *   model.safetensors.index.json    {"metadata": {"total_size": bytes}, "weight_map": {"name": "model-00001-of-00002.safetensors", …}}
 *   model-00001-of-00002.safetensors, …   the shards: safetensors files in the index's own folder
 *
 * https://huggingface.co/docs/safetensors, transformers' `save_pretrained`. A shard is named by the file, so its name is not trusted:
 * it is a plain name of a .safetensors file, never a path.
 */

import { CheckpointError, OptionError } from "../tensor/index.ts";
import { elementBytes } from "./element-types.ts";
import {
  type RawTensor,
  readSafetensors,
  type SafetensorsFile,
  type WritableTensor,
  writeSafetensors,
} from "./safetensors.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Longest index that is read, and most shards of one. */
const maxIndexBytes = 100_000_000;
const mostShards = 1000;

/** Whether a file may be an index, by its first bytes: a safetensors file has its header's length there. */
export function isSafetensorsIndex(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b && bytes[8] !== 0x7b;
}

/** The shard of every array, by the array's name. Throws a CheckpointError that names `file` where a rule is broken. */
export function readSafetensorsIndex(bytes: Uint8Array, file: string): ReadonlyMap<string, string> {
  const fail = (reason: string) =>
    new CheckpointError(`${file}: ${reason}: it is no index of safetensors files.`, { file, reason });
  if (bytes.length > maxIndexBytes) throw fail(`is longer than ${maxIndexBytes} bytes`);
  const parsed = parseStrictJson(bytes);
  if ("reason" in parsed) throw fail(`at byte ${parsed.offset}: ${parsed.reason}`);
  const map = isRecord(parsed.value) ? parsed.value.weight_map : undefined;
  if (!isRecord(map)) throw fail("has no weight_map");
  const shards = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !/^[\w][\w.-]{0,250}\.safetensors$/.test(shard)) {
      const named = JSON.stringify(shard)?.slice(0, 80);
      throw fail(
        `names ${named} for ${name.slice(0, 80)}, which is no plain name of a .safetensors file beside it`,
      );
    }
    shards.set(name, shard);
  }
  const count = new Set(shards.values()).size;
  if (count === 0) throw fail("names no array");
  if (count > mostShards) throw fail(`names ${count} files, over ${mostShards}`);
  return shards;
}

/**
 * The arrays of all shards that the index `bytes` names, in the index's order, and the metadata of the first; `read` gives the bytes
 * of a file beside it. Throws one CheckpointError that lists arrays which are not where the index says, or which it does not name.
 */
export async function readShards(
  bytes: Uint8Array,
  file: string,
  read: (name: string) => Promise<Uint8Array>,
): Promise<Pick<SafetensorsFile, "tensors" | "metadata">> {
  const index = readSafetensorsIndex(bytes, file);
  const found = new Map<string, RawTensor>();
  const unnamed: string[] = [];
  let first: ReadonlyMap<string, string> | undefined;
  for (const shard of new Set(index.values())) {
    const { tensors, metadata } = readSafetensors(await read(shard), shard);
    first ??= metadata;
    for (const [name, tensor] of tensors) {
      if (index.get(name) === shard) found.set(name, tensor);
      else unnamed.push(`${name} in ${shard}`);
    }
  }
  const missing = [...index]
    .filter(([name]) => !found.has(name))
    .map(([name, shard]) => `${name} in ${shard}`);
  if (missing.length + unnamed.length > 0) {
    const said = [...listed("missing", missing), ...listed("not named by it", unnamed)].join("; ");
    throw new CheckpointError(`${file}: its files do not hold what it says: ${said}.`, {
      file,
      missing,
      unnamed,
    });
  }
  const tensors = new Map([...index.keys()].map((name) => [name, found.get(name) as RawTensor])); // none is missing
  return { tensors, metadata: first ?? new Map() };
}

export interface ShardOptions {
  /** Most bytes of elements in one file; an array that is larger has a file of its own. Default 5·10⁹, Hugging Face's. */
  readonly shardBytes?: number;
  /** What the files' names begin with. Default "model". */
  readonly name?: string;
  /** Of every shard. Default {"format": "pt"}, how others know the layout of PyTorch. */
  readonly metadata?: ReadonlyMap<string, string>;
}

const pytorchLayout: ReadonlyMap<string, string> = new Map([["format", "pt"]]);

/**
 * The files of a sharded checkpoint by name: shards in the order of `tensors`, the index last. Bytes depend on names, order,
 * shapes and values alone. `each` is given one file at a time, so that no two shards are in memory.
 */
export async function writeShards(
  tensors: ReadonlyMap<string, WritableTensor>,
  each: (name: string, bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>,
  { shardBytes = 5e9, name: stem = "model", metadata = pytorchLayout }: ShardOptions = {},
): Promise<void> {
  if (!(shardBytes > 0)) throw new OptionError(`shardBytes is ${shardBytes}; it is above 0.`, { shardBytes });
  if (!/^\w[\w.-]{0,200}$/.test(stem))
    throw new OptionError(`name is ${JSON.stringify(stem)}; it is letters, digits, ".", "-" and "_".`, {
      name: stem,
    });
  const shards: [name: string, tensor: WritableTensor][][] = [];
  let filled = Number.POSITIVE_INFINITY;
  let total = 0;
  for (const entry of tensors) {
    const bytes = bytesOf(entry[1]);
    if (filled + bytes > shardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards[shards.length - 1].push(entry);
    filled += bytes;
    total += bytes;
  }
  const weightMap: string[] = [];
  for (const [i, shard] of shards.entries()) {
    const file = `${stem}-${five(i + 1)}-of-${five(shards.length)}.safetensors`;
    for (const [name] of shard) weightMap.push(`    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
    await each(file, writeSafetensors(new Map(shard), metadata));
  }
  const index = `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${weightMap.join(",\n")}\n  }\n}\n`;
  await each(`${stem}.safetensors.index.json`, new TextEncoder().encode(index));
}

function bytesOf(tensor: WritableTensor): number {
  return "data" in tensor ? tensor.data.byteLength : size(tensor.shape) * elementBytes[tensor.type];
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function five(count: number): string {
  return String(count).padStart(5, "0");
}

/** "missing: a, b, … (40)" */
function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > 12 ? `, … (${names.length})` : "";
  return [`${what}: ${names.slice(0, 12).join(", ")}${more}`];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
