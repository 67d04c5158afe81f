/**
 * A checkpoint: one safetensors file that a training goes on from, a network is evaluated with, and other tools read.
 *
 *   conv1.weight, …                   weights and running statistics, under their reference names, in PyTorch's layout
 *   optimizer.conv1.weight.velocity   optimizer state
 *   best.conv1.weight                 the best weights so far, where early stopping keeps them
 *   __metadata__                      "striate.…": JSON of the records below, kinds of the arrays, and a checksum
 *
 * The bytes are a function of the checkpoint alone: no time, no name of a machine, keys in order.
 */

import type { Normalization } from "../data/normalization.ts";
import { toFloat32 } from "../formats/element-types.ts";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../formats/safetensors.ts";
import { parseStrictJson } from "../formats/strict-json.ts";
import type { ParameterKind } from "../ops/operation.ts";
import { CheckpointError, StriateError } from "../tensor/index.ts";
import { checksumOf, noChecksum, seal } from "./checksum.ts";
import { Fields, type JsonObject, type JsonValue } from "./fields.ts";
import { fitsKind, fromReferenceLayout, isParameterKind, toReferenceLayout } from "./layout.ts";
import type { StateTensor } from "./learner.ts";
import { readTrainingOptions, type TrainingOptions } from "./options.ts";
import { type Progress, readProgress } from "./progress.ts";

/** Form of the metadata; a file of another form is refused. */
const form = "1";

/** The network, so that it can be built again. */
export interface ModelRecord {
  /** As the registry names it. */
  readonly name: string;
  readonly options: JsonObject;
}

/** The data it was trained on. */
export interface DataRecord {
  readonly name: string;
  /** Of the training images; a resumed run refuses others. */
  readonly fingerprint: string;
  readonly classes: readonly string[];
  /** What every image is normalised with. */
  readonly normalization: Normalization;
  /** Share of the sides of a scaled picture whose centre the network sees when it is used. Default 1. */
  readonly cropFraction?: number;
  readonly imageShape: readonly [h: number, w: number, c: number];
}

export interface Checkpoint {
  /** Version of the library that wrote it. */
  readonly version: string;
  readonly model: ModelRecord;
  readonly data: DataRecord;
  readonly training: TrainingOptions;
  readonly progress: Progress;
  /** As `Learner.state` gives it, in our layout. */
  readonly state: ReadonlyMap<string, StateTensor>;
  /** Weights alone, of the epoch `progress.best`. */
  readonly best?: ReadonlyMap<string, StateTensor>;
}

const bestPrefix = "best.";

/** The bytes of a checkpoint, checksum included. */
export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { version, model, data, training, progress, state, best } = checkpoint;
  const tensors = new Map<string, WritableTensor>();
  const kinds: Record<string, ParameterKind> = {};
  const add = (prefix: string, named: ReadonlyMap<string, StateTensor>) => {
    for (const [name, tensor] of named) {
      tensors.set(prefix + name, toReferenceLayout(tensor, tensor.kind));
      if (tensor.kind !== "vector") kinds[prefix + name] = tensor.kind;
    }
  };
  add("", state);
  if (best) add(bestPrefix, best);
  const records = { model, data, training, progress, kinds };
  const metadata = new Map([
    ["striate.form", form],
    ["striate.version", version],
    ["striate.sha256", noChecksum],
  ]);
  for (const [name, record] of Object.entries(records))
    metadata.set(`striate.${name}`, JSON.stringify(sorted(record)));
  const bytes = writeSafetensors(tensors, metadata);
  await seal(bytes, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
  return bytes;
}

/**
 * The checkpoint in `bytes`; `file` names it in errors. Throws a CheckpointError with file, reason and byte offset when the
 * file is torn, altered, of another kind, or says something that cannot be.
 */
export async function decodeCheckpoint(bytes: Uint8Array<ArrayBuffer>, file: string): Promise<Checkpoint> {
  const { tensors, metadata, dataOffset } = readSafetensors(bytes, file);
  const fail = (reason: string, offset = 8) =>
    new CheckpointError(`${file}: at byte ${offset}: ${reason}.`, { file, offset, reason });

  const foundForm = metadata.get("striate.form");
  if (foundForm === undefined) {
    throw fail(
      "these are weights without Striate's metadata, or the metadata is damaged: no checkpoint to go on from",
    );
  }
  if (foundForm !== form)
    throw fail(`the checkpoint has form ${shortened(foundForm)}; this version reads form ${form}`);
  const written = metadata.get("striate.sha256");
  const actual = await checksumOf(bytes, dataOffset);
  if (written === undefined || actual !== written) {
    throw fail(
      "the checksum does not match the content: the file was altered or damaged after it was written",
    );
  }

  const record = (name: string) => {
    const text = metadata.get(`striate.${name}`);
    if (text === undefined) throw fail(`the metadata has no striate.${name}`);
    const parsed = parseStrictJson(new TextEncoder().encode(text));
    if ("reason" in parsed) throw fail(`striate.${name}: ${parsed.reason}`);
    return new Fields(parsed.value, `striate.${name}`, fail);
  };
  const kinds = record("kinds");
  const state = new Map<string, StateTensor>();
  const best = new Map<string, StateTensor>();
  for (const [name, { type, shape, bytes: elements }] of tensors) {
    const kind = kinds.has(name) ? kinds.text(name) : "vector";
    if (type !== "F32") throw fail(`${shortened(name)} has dtype ${type}; checkpoints hold F32`);
    if (!isParameterKind(kind) || !fitsKind(shape, kind)) {
      throw fail(`${shortened(name)} of rank ${shape.length} has kind ${shortened(kind)}`);
    }
    const data = toFloat32(type, elements);
    const tensor = { ...fromReferenceLayout({ shape, data }, kind), kind };
    if (name.startsWith(bestPrefix)) best.set(name.slice(bestPrefix.length), tensor);
    else state.set(name, tensor);
  }
  const unknown = kinds.keys().find((name) => !tensors.has(name));
  if (unknown !== undefined)
    throw fail(`striate.kinds names ${shortened(unknown)}, which is no array of the file`);

  const model = record("model");
  return {
    version: metadata.get("striate.version") ?? "unknown",
    model: { name: model.text("name"), options: model.object("options") },
    data: readData(record("data"), fail),
    training: ofFile(() => readTrainingOptions(record("training")), fail),
    progress: readProgress(record("progress")),
    state,
    ...(best.size > 0 ? { best } : {}),
  };
}

/** Where the metadata of files has the record of their data, those written for other programs too. */
export const dataKey = "striate.data";

/** The record as metadata holds it. */
export function encodeData(data: DataRecord): string {
  return JSON.stringify(sorted(data));
}

/** The record in a text of metadata; `fail` makes the error of what it says wrong. */
export function decodeData(text: string, fail: (reason: string) => CheckpointError): DataRecord {
  const parsed = parseStrictJson(new TextEncoder().encode(text));
  if ("reason" in parsed) throw fail(`${dataKey}: ${parsed.reason}`);
  return readData(new Fields(parsed.value, dataKey, fail), fail);
}

function readData(fields: Fields, fail: (reason: string) => CheckpointError): DataRecord {
  const imageShape = fields.imageShape("imageShape");
  const normalization = fields.fields("normalization");
  return {
    name: fields.text("name"),
    fingerprint: fields.text("fingerprint"),
    classes: fields.texts("classes"),
    normalization: {
      mean: normalization.numbers("mean", imageShape[2]),
      std: normalization.numbers("std", imageShape[2]),
      ...(normalization.has("channels") ? { channels: normalization.oneOf("channels", ["bgr"]) } : {}),
    },
    ...(fields.has("cropFraction") ? { cropFraction: readFraction(fields, fail) } : {}),
    imageShape,
  };
}

function readFraction(fields: Fields, fail: (reason: string) => CheckpointError): number {
  const fraction = fields.number("cropFraction");
  if (fraction > 0 && fraction <= 1) return fraction;
  throw fail(`striate.data.cropFraction is ${fraction}, not above 0 and at most 1`);
}

/** An option that cannot be is the file's mistake here, not the caller's. */
function ofFile<T>(read: () => T, fail: (reason: string) => CheckpointError): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StriateError) || error instanceof CheckpointError) throw error;
    throw fail(`striate.training: ${error.message.replace(/\.$/, "")}`);
  }
}

/** The same JSON with the keys of every object in order, so that equal records are equal bytes. */
function sorted(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value as JsonValue; // records hold JSON only
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key as keyof typeof value])]));
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
