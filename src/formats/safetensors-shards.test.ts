/** Weights in several files: written, found again by their index, and an index that lies refused. */

import { describe, expect, test } from "vitest";
import { CheckpointError } from "../tensor/errors.ts";
import { float32Values, type WritableTensor, writeSafetensors } from "./safetensors.ts";
import { isSafetensorsIndex, readSafetensorsIndex, readShards, writeShards } from "./safetensors-shards.ts";

const array = (count: number, first: number) => ({
  shape: [count],
  data: Float32Array.from({ length: count }, (_, i) => first + i),
});
const tensors = new Map<string, WritableTensor>([
  ["b.weight", array(10, 0)],
  ["a.weight", array(6, 100)],
  ["large", array(50, 200)],
  ["c", array(3, 300)],
]);

/** What is written, by name. */
async function written(shardBytes: number) {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  await writeShards(tensors, (name, bytes) => void files.set(name, bytes), { shardBytes, name: "net" });
  return files;
}

const index = (map: unknown) => new TextEncoder().encode(JSON.stringify({ weight_map: map }));

test("arrays are kept together up to a size, and found again", async () => {
  const files = await written(64);
  expect([...files.keys()]).toEqual([
    "net-00001-of-00003.safetensors",
    "net-00002-of-00003.safetensors",
    "net-00003-of-00003.safetensors",
    "net.safetensors.index.json",
  ]);
  const text = files.get("net.safetensors.index.json") ?? new Uint8Array();
  expect(isSafetensorsIndex(text)).toBe(true);
  const json = JSON.parse(new TextDecoder().decode(text));
  expect(json.metadata.total_size).toBe(4 * 69);
  expect(json.weight_map["a.weight"]).toBe("net-00001-of-00003.safetensors");
  const asked: string[] = [];
  const { tensors: read } = await readShards(text, "net.safetensors.index.json", async (name) => {
    asked.push(name);
    return files.get(name) ?? new Uint8Array();
  });
  expect([...read.keys()]).toEqual([...tensors.keys()]);
  expect(asked).toHaveLength(3);
  for (const [name, tensor] of read)
    expect(float32Values(tensor)).toEqual((tensors.get(name) as { data: Float32Array }).data);
});

test("what fits one file is in one", async () => {
  expect([...(await written(1e9)).keys()]).toEqual([
    "net-00001-of-00001.safetensors",
    "net.safetensors.index.json",
  ]);
});

describe("an index", () => {
  test.each([
    "../secrets.safetensors",
    "/etc/passwd",
    "/tmp/x.safetensors",
    "a/b.safetensors",
    "..\\x.safetensors",
    "C:x.safetensors",
    "..safetensors",
    ".safetensors",
    "x.safetensors/../../y.safetensors",
    "x.safetensors\0.png",
    "x.safetensors\n",
    "model.bin",
    "https://example.org/x.safetensors",
    "",
    7,
    null,
    ["x.safetensors"],
  ])("that names %j reads no file", async (shard) => {
    const asked: string[] = [];
    const reading = readShards(index({ w: shard }), "i.json", async (name) => {
      asked.push(name);
      return new Uint8Array();
    });
    await expect(reading).rejects.toThrow(/^i\.json: names .* for w, which is no plain name/);
    expect(asked).toEqual([]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["that is no JSON", new TextEncoder().encode('{"weight_map": '), /at byte 0: the text is not valid JSON/],
    ["without a map", new TextEncoder().encode("{}"), /has no weight_map/],
    ["with a list", index([]), /has no weight_map/],
    ["without an array", index({}), /names no array/],
    [
      "with a name twice",
      new TextEncoder().encode('{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}'),
      /"a" stands twice/,
    ],
    [
      "of 2,000 files",
      index(Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [i, `s${i}.safetensors`]))),
      /names 2000 files/,
    ],
  ])("%s is refused", (_title, bytes, message) => {
    expect(() => readSafetensorsIndex(bytes, "i.json")).toThrow(CheckpointError);
    expect(() => readSafetensorsIndex(bytes, "i.json")).toThrow(message);
  });

  test("whose files hold other arrays is told of all of them at once", async () => {
    const shard = writeSafetensors(
      new Map([
        ["a", array(1, 0)],
        ["z", array(1, 0)],
      ]),
    );
    const reading = readShards(
      index({ a: "x.safetensors", b: "x.safetensors" }),
      "i.json",
      async () => shard,
    );
    await expect(reading).rejects.toThrow(
      "i.json: its files do not hold what it says: missing: b in x.safetensors; not named by it: z in x.safetensors.",
    );
  });
});
