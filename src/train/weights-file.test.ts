/** Weights are found in every kind of file that has them, and nowhere else. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type RawTensor, writeSafetensors } from "../formats/safetensors.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { encodeCheckpoint } from "./checkpoint.ts";
import { trainingOptions } from "./options.ts";
import { initialProgress } from "./progress.ts";
import { weightsFor } from "./weights.ts";
import { readWeights } from "./weights-file.ts";

const path = fileURLToPath(new URL("../../test/golden/pytorch-files/training-legacy.pt", import.meta.url));
const { format, tensors } = await readWeights(new Uint8Array(readFileSync(path)), "net.pt");
const declared = [
  { name: "fc.weight", shape: [4, 2], kind: "matrix" },
  { name: "fc.bias", shape: [2], kind: "vector" },
] as const;
const fc = new Map([...tensors].filter(([name]) => name.startsWith("fc.")));

describe("a file of weights", () => {
  const plain = (map: ReadonlyMap<string, RawTensor>) =>
    [...map].map(([name, { shape }]) => [name, shape]).sort();

  test("may be a checkpoint of PyTorch", () => {
    expect(format).toBe("pytorch");
    expect(tensors.size).toBe(9);
  });

  test("may be safetensors, or a checkpoint of ours without its optimizer and best weights", async () => {
    const safetensors = await readWeights(writeSafetensors(tensors), "x.safetensors");
    expect(safetensors.format).toBe("safetensors");
    expect(plain(safetensors.tensors)).toEqual(plain(tensors));

    const state = weightsFor(declared, fc);
    const velocity = { kind: "vector", shape: [2], data: new Float32Array(2) } as const;
    const checkpoint = await encodeCheckpoint({
      version: "0",
      model: { name: "net", options: {} },
      data: {
        name: "",
        fingerprint: "",
        classes: [],
        normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
        imageShape: [5, 5, 3],
      },
      training: trainingOptions(),
      progress: initialProgress,
      state: new Map([...state, ["optimizer.fc.bias.velocity", velocity]]),
      best: state,
    });
    const ours = await readWeights(checkpoint, "last.safetensors");
    expect(ours.format).toBe("striate");
    expect(weightsFor(declared, ours.tensors)).toEqual(state);
    checkpoint[checkpoint.length - 1] ^= 1;
    await expect(readWeights(checkpoint, "last.safetensors")).rejects.toThrow(/checksum/);
  });

  test("of another kind is refused", async () => {
    const text = new TextEncoder().encode("<!doctype html><title>Not found</title>");
    await expect(readWeights(text, "w.pth")).rejects.toThrow(
      "w.pth: is neither a safetensors file, nor an index of such files, nor a checkpoint of PyTorch",
    );
    await expect(readWeights(new Uint8Array(0), "w.pth")).rejects.toThrow(CheckpointError);
  });
});
