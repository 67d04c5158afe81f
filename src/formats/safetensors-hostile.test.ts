/** Damaged and malicious safetensors files and indices, made from a seed: read, or refused at once with the file's name and a reason. */

import { describe, expect, test } from "vitest";
import { CheckpointError } from "../tensor/errors.ts";
import { keyOf, RandomStream } from "../tensor/random.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { readShards } from "./safetensors-shards.ts";

const array = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
});
const sound = writeSafetensors(
  new Map([
    ["conv.weight", array(4, 3, 2, 2)],
    ["conv.bias", array(4)],
    ["empty", array(0)],
    ["fc.weight", array(2, 4)],
  ]),
  new Map([["format", "pt"]]),
);
const headerBytes = Number(new DataView(sound.buffer).getBigUint64(0, true));

/** What came of a file: "read", or the message. Takes under a second, and memory no larger than 256 MB. */
async function outcome(read: () => unknown): Promise<string> {
  const memory = process.memoryUsage();
  const began = performance.now();
  let result = "read";
  try {
    await read();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    result = (error as CheckpointError).message;
    expect(result).toMatch(/^w\.(safetensors|json): .{12}/);
    expect(result.length).toBeLessThan(1000);
  }
  expect(performance.now() - began).toBeLessThan(1000);
  const after = process.memoryUsage();
  expect(after.arrayBuffers - memory.arrayBuffers + after.heapUsed - memory.heapUsed).toBeLessThan(256e6);
  return result;
}

const safetensors = (bytes: Uint8Array) => outcome(() => readSafetensors(bytes, "w.safetensors"));
const random = new RandomStream(keyOf(1, 2));

describe("a damaged safetensors file", () => {
  test("cut anywhere is refused", async () => {
    expect(await safetensors(sound)).toBe("read");
    for (let at = 0; at < sound.length; at += 7)
      expect([at, await safetensors(sound.subarray(0, at))]).not.toEqual([at, "read"]);
  });

  test("with bits of its header flipped is read or refused, and nothing else", async () => {
    for (let i = 0; i < 400; i++) {
      const damaged = Uint8Array.from(sound);
      for (let n = 0; n <= i % 3; n++) damaged[random.integer(8 + headerBytes)] ^= 1 << random.integer(8);
      await safetensors(damaged);
    }
  });

  test("with numbers of its header replaced is read or refused: no array leaves the file or meets another", async () => {
    const text = new TextDecoder().decode(sound.subarray(8, 8 + headerBytes));
    const numbers = [...text.matchAll(/\d+/g)];
    const wild = [
      "0",
      "1",
      "4",
      "-1",
      "1e3",
      "0.5",
      "9007199254740993",
      "4294967296",
      "1e308",
      "null",
      '"1"',
      "[]",
    ];
    for (const { index, 0: digits } of numbers) {
      for (const each of wild) {
        const header = text.slice(0, index) + each + text.slice(index + digits.length);
        const file = fileOf(header.trimEnd(), sound.subarray(8 + headerBytes));
        const result = await safetensors(file);
        if (result !== "read") continue;
        const spans = [...readSafetensors(file, "w.safetensors").tensors.values()]
          .map(({ bytes }) => [bytes.byteOffset, bytes.byteOffset + bytes.length])
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        for (const [i, [begin]] of spans.entries()) expect(i === 0 || begin >= spans[i - 1][1]).toBe(true);
      }
    }
  });
});

describe("a header made to do harm", () => {
  const lengths = [
    0n,
    1n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
    100_000_001n,
    99_999_999n,
  ];
  test.each(lengths)("of %i bytes in a small file is refused", async (length) => {
    const bytes = Uint8Array.from(sound);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    expect(await safetensors(bytes)).not.toBe("read");
  });

  const f32 = (begin: number, end: number, shape: string) =>
    `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;
  const many = Array.from({ length: 10_000 }, (_, i) => `"w${i}":${f32(0, 4, "[1]")}`).join(",");
  test.each<[string, string, number, RegExp]>([
    [
      "with arrays on top of each other",
      `{"a":${f32(0, 8, "[2]")},"b":${f32(4, 12, "[2]")}}`,
      12,
      /b overlaps/,
    ],
    [
      "with the same array under two names",
      `{"a":${f32(0, 8, "[2]")},"b":${f32(0, 8, "[2]")}}`,
      8,
      /overlaps/,
    ],
    ["with 10,000 names for one array", `{${many}}`, 4, /overlaps/],
    ["with an array past the end", `{"a":${f32(0, 4e9, "[1000000000]")}}`, 16, /needs 4,000,000,000 bytes/],
    [
      "with extents whose product is past 2⁶⁴",
      `{"a":${f32(0, 4, "[4294967296,4294967296,4294967296]")}}`,
      4,
      /too large/,
    ],
    [
      "with extents of 0 and beyond",
      `{"a":${f32(0, 0, `[0,${"9007199254740991,".repeat(40)}1]`)}}`,
      0,
      /too large|read/,
    ],
    ["with a million axes", `{"a":${f32(0, 4, `[${"1,".repeat(1e6)}1]`)}}`, 4, /read|axes/],
    ["with brackets a million deep", `{"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`, 0, /nested over 64 deep/],
    ["with objects 300,000 deep", `${'{"a":'.repeat(3e5)}1${"}".repeat(3e5)}`, 0, /nested over 64 deep/],
    ["with a key of the prototype", `{"__proto__":{"dtype":"F32"}}`, 0, /__proto__ has shape none/],
    ["with a name of a megabyte", `{"${"n".repeat(1e6)}":3}`, 0, /entry n{80}… is not/],
    ["of spaces", " ".repeat(1e6), 0, /not valid JSON/],
  ])("%s is refused", async (_title, header, bytes, message) => {
    expect(await safetensors(fileOf(header, new Uint8Array(bytes)))).toMatch(message);
  });
});

describe("an index made to do harm", () => {
  const index = (bytes: Uint8Array) => outcome(() => readShards(bytes, "w.json", async () => sound));
  const text = new TextEncoder().encode(
    `{"metadata":{"total_size":240},"weight_map":{${["conv.weight", "conv.bias", "empty", "fc.weight"].map((name) => `"${name}":"x.safetensors"`).join(",")}}}`,
  );

  test("with bits flipped or cut is read or refused, and nothing else", async () => {
    expect(await index(text)).toBe("read");
    for (let i = 0; i < 200; i++) {
      const damaged = Uint8Array.from(text);
      damaged[random.integer(text.length)] ^= 1 << random.integer(8);
      await index(damaged);
      expect(await index(text.subarray(0, random.integer(text.length)))).not.toBe("read");
    }
  });

  test("with 20,000 names for arrays that are not there lists a few", async () => {
    const map = Array.from({ length: 2e4 }, (_, i) => `"w${i}":"x.safetensors"`).join(",");
    const result = await index(new TextEncoder().encode(`{"weight_map":{${map}}}`));
    expect(result).toMatch(/missing: w0 in x\.safetensors, .*… \(20000\); not named by it: conv\.bias/);
  });
});

function fileOf(header: string, data: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}
