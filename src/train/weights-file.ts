/** Reads weights from whatever kind of file holds them, told by its first bytes. */

import { isPyTorch, readPyTorch } from "../formats/pytorch.ts";
import { type RawTensor, readSafetensors } from "../formats/safetensors.ts";
import { isSafetensorsIndex, readShards } from "../formats/safetensors-shards.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { type DataRecord, dataKey, decodeCheckpoint, decodeData } from "./checkpoint.ts";

export interface WeightsFile {
  readonly format: "pytorch" | "safetensors" | "striate";
  /** Weights and running statistics by name, in PyTorch's layout. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** What the weights tell apart and how pictures become their inputs, where the file says it: ours do. */
  readonly data?: DataRecord;
}

/**
 * The weights in a checkpoint of PyTorch, a safetensors file, an index of several (model.safetensors.index.json, whose files
 * `neighbour` reads) or a checkpoint of ours, whose optimizer state and earlier best weights are left out. Throws a CheckpointError
 * that names `file` when it is damaged or none of these.
 */
export async function readWeights(
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
  neighbour?: (name: string) => Promise<Uint8Array>,
): Promise<WeightsFile> {
  // A header of safetensors is JSON behind its length; no pickle and no archive has a brace there.
  const isSafetensors = bytes[8] === 0x7b;
  if (!isSafetensors && isPyTorch(bytes))
    return { format: "pytorch", tensors: readPyTorch(bytes, file).tensors };
  if (isSafetensorsIndex(bytes)) {
    if (neighbour === undefined)
      throw new CheckpointError(
        `${file}: is an index of safetensors files, which cannot be read from here. Give readWeights a way to read files beside it.`,
        { file },
      );
    const { tensors, metadata } = await readShards(bytes, file, neighbour);
    return { format: "safetensors", tensors, ...dataOf(metadata, file) };
  }
  if (!isSafetensors) {
    throw new CheckpointError(
      `${file}: is neither a safetensors file, nor an index of such files, nor a checkpoint of PyTorch (.pth, .pt, .th).`,
      { file },
    );
  }
  const { tensors, metadata } = readSafetensors(bytes, file);
  if (!metadata.has("striate.form")) return { format: "safetensors", tensors, ...dataOf(metadata, file) };
  const { data } = await decodeCheckpoint(bytes, file); // holds content and check sum against each other
  const weights = [...tensors].filter(([name]) => !/^(optimizer|best)\./.test(name));
  return { format: "striate", tensors: new Map(weights), data };
}

function dataOf(metadata: ReadonlyMap<string, string>, file: string): { readonly data?: DataRecord } {
  const text = metadata.get(dataKey);
  if (text === undefined) return {};
  return {
    data: decodeData(text, (reason) => new CheckpointError(`${file}: ${reason}.`, { file, reason })),
  };
}
