/** `striate export`: the weights of a checkpoint in each form, as they are read back, and what is refused. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float32Values, type RawTensor, writeSafetensors } from "../formats/index.ts";
import { readFileBytes, writeFileAtomic } from "../formats/node.ts";
import { readCheckpoint } from "../inference/node.ts";
import { modelNamed } from "../models/registry.ts";
import * as nn from "../nn/index.ts";
import { adoptWeights } from "../train/adopt-weights.ts";
import { encodeCheckpoint } from "../train/checkpoint.ts";
import { referenceShape } from "../train/layout.ts";
import { readWeights } from "../train/weights-file.ts";
import { runCli } from "./program.ts";

const { build, input } = modelNamed("lenet5");
const values = new Map(
  nn.build(build(), { input: [1, ...input] }).parameters.map(({ name, shape, kind }) => {
    const theirs = referenceShape(shape, kind);
    const count = theirs.reduce((a, b) => a * b, 1);
    return [name, { shape: theirs, data: Float32Array.from({ length: count }, (_, i) => i) }] as const;
  }),
);

let folder: string;
let checkpoint: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-export-"));
  checkpoint = join(folder, "last.safetensors");
  const adopted = adoptWeights(modelNamed("lenet5"), values).checkpoint;
  await writeFileAtomic(checkpoint, await encodeCheckpoint(adopted));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: readonly string[]) {
  let [out, log] = ["", ""];
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
    log: (text) => {
      log += text;
    },
    isTerminal: false,
    columns: () => 80,
    clock: () => 0,
    args,
    onStop: () => () => undefined,
  });
  return { code, out, log };
}

const content = (tensors: ReadonlyMap<string, RawTensor>) =>
  new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: float32Values(tensor) }]));

describe("export", () => {
  test.each([
    ["lenet5.pth", "pytorch", 1],
    ["plain.safetensors", "safetensors", 1],
    ["model.safetensors.index.json", "safetensors", 4],
  ])("writes %s, which holds the same arrays in PyTorch's layout", async (name, format, files) => {
    const out = join(folder, name);
    const shards = files > 1 ? ["--shard-bytes", "150000"] : [];
    const { code, log, out: said } = await run("export", checkpoint, "--out", out, ...shards, "--json");
    expect(code, log).toBe(0);
    expect(JSON.parse(said)).toMatchObject({ arrays: 10, numbers: 61_706, out });
    expect(JSON.parse(said).files).toHaveLength(files);
    const read = await readWeights(await readFileBytes(out), out, (shard) =>
      readFileBytes(join(folder, shard)),
    );
    expect(read.format).toBe(format);
    expect(content(read.tensors)).toEqual(values);
  });

  test("keeps how pictures become inputs, for whoever opens the files with striate again", async () => {
    const data = {
      name: "photos",
      fingerprint: "f",
      classes: [..."abcdefghij"],
      normalization: { mean: [0.25], std: [0.5] },
      cropFraction: 0.5,
      imageShape: [28, 28, 1],
    } as const;
    const photos = join(folder, "photos.safetensors");
    const adopted = adoptWeights(modelNamed("lenet5"), values, { data }).checkpoint;
    await writeFileAtomic(photos, await encodeCheckpoint(adopted));
    for (const name of ["kept.safetensors", "kept.safetensors.index.json"]) {
      const out = join(folder, name);
      const { out: said } = await run("export", photos, "--out", out);
      expect(said).toContain("pictures become inputs by mean 0.25; deviation 0.5\n");
      const again = await readCheckpoint(out, { model: "lenet5" });
      expect(again.data).toEqual(data);
    }
    const wrong = join(folder, "wrong.safetensors");
    const metadata = new Map([["striate.data", '{"name":"x","normalization":3}']]);
    await writeFileAtomic(wrong, writeSafetensors(values, metadata));
    await expect(readCheckpoint(wrong, { model: "lenet5" })).rejects.toThrow(
      /wrong\.safetensors: striate\.data\.\w+ is .*, not/,
    );
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      "an ending that says nothing",
      ["--out", "x.bin"],
      /its ending says what is written: \.pth, \.safetensors or/,
    ],
    ["shards of one file", ["--out", "x.pth", "--shard-bytes", "9"], /--shard-bytes is for shards/],
    ["its own input", ["--out", "SAME"], /--out is .* itself/],
    ["a file that is there", ["--out", "THERE"], /is there already/],
  ])("refuses %s", async (_title, args, message) => {
    const there = join(folder, "there.pth");
    await writeFileAtomic(there, new Uint8Array());
    const named = args.map((arg) => ({ SAME: checkpoint, THERE: there })[arg] ?? arg);
    const result = await run("export", checkpoint, ...named);
    expect(result).toMatchObject({ code: 2, out: "", log: expect.stringMatching(message) });
    expect(existsSync("x.bin") || existsSync("x.pth")).toBe(false);
  });
});
