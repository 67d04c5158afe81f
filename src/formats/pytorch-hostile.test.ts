/** Damaged and malicious checkpoints, made from a seed: each is read, or refused at once with the file's name and a reason. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { concat } from "../../test/data-files.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { keyOf, RandomStream } from "../tensor/random.ts";
import { readPyTorch } from "./pytorch.ts";

const folder = fileURLToPath(new URL("../../test/golden/pytorch-files/", import.meta.url));
const sound = ["training", "types", "views"].flatMap((name) =>
  ["zip", "legacy"].map((form) => {
    const file = `${name}-${form}.pt`;
    return { file, form, bytes: new Uint8Array(readFileSync(`${folder}${file}`)) };
  }),
);

/** Reads, and says what came of it; nothing but a result or a CheckpointError that names the file, within a second. */
function outcome(bytes: Uint8Array, file: string): string {
  const memory = process.memoryUsage().arrayBuffers;
  const began = performance.now();
  let result = "read";
  try {
    readPyTorch(bytes, file);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    result = (error as CheckpointError).message;
    expect(result.startsWith(`${file}: `), result).toBe(true);
    expect(result.length).toBeGreaterThan(file.length + 12);
  }
  expect(performance.now() - began).toBeLessThan(1000);
  expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(32e6 + 8 * bytes.length);
  return result;
}

describe.each(sound)("$file", ({ file, form, bytes }) => {
  const random = new RandomStream(keyOf(bytes.length, bytes[100]));
  /** The pickle's first bytes. */
  const head = form === "zip" ? 64 : 15;

  test("cut at 20 places is refused", () => {
    expect(outcome(bytes, file)).toBe("read");
    const places = [
      0,
      1,
      4,
      bytes.length - 1,
      ...Array.from({ length: 16 }, () => random.integer(bytes.length)),
    ];
    for (const place of places)
      expect([place, outcome(bytes.subarray(0, place), file)]).not.toEqual([place, "read"]);
  });

  test("with 40 bits flipped in its pickle is read or refused, and nothing else", () => {
    for (let i = 0; i < 40; i++) {
      const damaged = Uint8Array.from(bytes);
      damaged[head + random.integer(600)] ^= 1 << random.integer(8);
      outcome(damaged, file);
    }
  });

  test("with 20 bytes replaced anywhere is read or refused, and nothing else", () => {
    for (let i = 0; i < 20; i++) {
      const damaged = Uint8Array.from(bytes);
      for (let n = 0; n < 3; n++) damaged[random.integer(bytes.length)] = random.integer(256);
      outcome(damaged, file);
    }
  });
});

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const text = (value: string) => concat(Uint8Array.of(0x58), u32(value.length), ascii(value));
const pickle = (...parts: readonly Uint8Array[]) => concat(Uint8Array.of(0x80, 2), ...parts, ascii("."));
const magic = Uint8Array.of(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);

/** A file of the older form whose value is this pickle's, with one storage "0" of four numbers where it names it. */
function legacy(value: Uint8Array, hasStorage = false): Uint8Array {
  const head = concat(pickle(magic), pickle(Uint8Array.of(0x4d, 0xe9, 3)), pickle(ascii("}")), value);
  if (!hasStorage) return concat(head, pickle(ascii("]")));
  const storage = concat(u32(4), u32(0), new Uint8Array(16));
  return concat(head, pickle(ascii("]"), text("0"), ascii("a")), storage);
}

/** A dictionary of one tensor over storage "0"; each extent and stride is a BININT. */
function tensorPickle(shape: readonly number[], strides: readonly number[], offset = 0): Uint8Array {
  const int = (value: number) => concat(ascii("J"), u32(value));
  const tuple = (values: readonly number[]) => concat(ascii("("), ...values.map(int), ascii("t"));
  const id = concat(
    ascii("("),
    text("storage"),
    ascii("ctorch\nFloatStorage\n"),
    text("0"),
    text("cpu"),
    int(4),
  );
  const call = concat(id, ascii("tQ"), int(offset), tuple(shape), tuple(strides));
  return pickle(ascii("}"), text("w"), ascii("ctorch._utils\n_rebuild_tensor\n("), call, ascii("tRs"));
}

describe("a file made to do harm", () => {
  const repeat = (piece: Uint8Array, count: number) =>
    Uint8Array.from({ length: piece.length * count }, (_, i) => piece[i % piece.length]);
  test.each<[string, Uint8Array, RegExp]>([
    ["is empty", new Uint8Array(0), /0x|ends/],
    ["is of zeros", new Uint8Array(5000), /opcode 0x00/],
    [
      "calls a function",
      legacy(pickle(ascii("cos\nsystem\n"), text("id"), ascii("\x85R"))),
      /it asks for os\.system/,
    ],
    [
      "calls by the names on its stack",
      legacy(pickle(text("builtins"), text("eval"), ascii("\x93"))),
      /builtins\.eval/,
    ],
    ["makes an object", legacy(pickle(ascii("ccollections\nOrderedDict\n)\x81"))), /opcode 0x81/],
    ["has an opcode of protocol 0", legacy(pickle(ascii("(dp0\n"))), /opcode 0x64/],
    ["announces 4 GB of text", legacy(pickle(ascii("X\xff\xff\xff\xff"))), /ends within 4294967295 bytes/],
    ["announces 2⁶² bytes", legacy(pickle(ascii("\x8e\0\0\0\0\0\0\0\x40"))), /ends within/],
    ["announces a long integer", legacy(pickle(ascii("\x8a\xff"))), /ends within|too large/],
    ["holds itself", legacy(pickle(ascii("}q\0"), text("a"), ascii("h\0s"))), /over 16 deep/],
    ["doubles 30 times", legacy(doubling(30)), /over 16 deep/],
    ["doubles 15 times, wide", legacy(doubling(15, 4)), /over 200,000 entries/],
    [
      "has a long name",
      legacy(pickle(ascii("}"), text("n".repeat(2000)), ascii("}s"))),
      /a name of over 1000/,
    ],
    [
      "nests 100,000 lists",
      legacy(pickle(repeat(ascii("]"), 100_000), repeat(ascii("a"), 99_999))),
      /no dictionary/,
    ],
    ["is of dictionaries alone", legacy(pickle(repeat(ascii("}0"), 400_000))), /too many dictionaries/],
    ["has no end of steps", legacy(pickle(repeat(ascii("N0"), 1_500_000))), /more than 2,000,000 steps/],
    [
      "gives a tensor a terabyte of one number",
      legacy(tensorPickle([1 << 20, 1 << 18], [0, 0]), true),
      /over four times/,
    ],
    [
      "gives a tensor extents past any integer",
      legacy(tensorPickle([2 ** 31 - 1, 2 ** 31 - 1, 8], [0, 0, 0]), true),
      /too large/,
    ],
    ["reads before its storage", legacy(tensorPickle([2], [1], -1), true), /no offset/],
    ["reads behind its storage", legacy(tensorPickle([2], [1], 3), true), /outside its 4 elements/],
    ["strides out of its storage", legacy(tensorPickle([2, 2], [3, 1]), true), /outside its 4 elements/],
    ["has negative strides", legacy(tensorPickle([2], [-1], 1), true), /no offset, shape and strides/],
    ["lacks its storage", legacy(tensorPickle([2], [1])), /storage 0 is not in the file/],
    [
      "is a tar archive",
      concat(new Uint8Array(257), ascii("ustar"), new Uint8Array(250)),
      /tar archive of PyTorch before/,
    ],
  ])("that %s is refused", (_title, bytes, message) => {
    expect(outcome(bytes, "evil.pt")).toMatch(message);
  });

  test("is told from a sound one of the same making", () => {
    expect(outcome(legacy(tensorPickle([2, 2], [2, 1]), true), "good.pt")).toBe("read");
  });

  test("with an archive that announces what is not there is refused", () => {
    const { bytes } = sound[0];
    const end = bytes.length - 22;
    const patched = (at: number, ...values: readonly number[]) => {
      const copy = Uint8Array.from(bytes);
      copy.set(values, at);
      return outcome(copy, "evil.zip");
    };
    // Entries, size and offset in the end of 64 bits, 56 bytes before the locator's 20.
    for (const field of [32, 40, 48])
      expect(patched(end - 76 + field, 255, 255, 255, 255, 255, 255)).toMatch(/not there/);
    expect(patched(end - 12, 255, 255, 255, 255, 255)).toMatch(/end of 64 bits/);
    expect(patched(end, 0)).toMatch(/has no end/);
    const pickleData = 30 + bytes[26] + 256 * bytes[27] + bytes[28] + 256 * bytes[29];
    expect(patched(pickleData + 9, 0xee)).toMatch(/does not match its check sum/);
  });
});

/** Dictionaries that each hold the one before `width` times: few bytes, width^levels paths. */
function doubling(levels: number, width = 2): Uint8Array {
  const level = (memo: number) =>
    concat(
      ascii("}"),
      ...Array.from({ length: width }, (_, i) => concat(text(`${i}`), Uint8Array.of(0x68, memo), ascii("s"))),
      Uint8Array.of(0x71, memo + 1, 0x30),
    );
  const levelsBytes = Array.from({ length: levels - 1 }, (_, memo) => level(memo));
  return pickle(ascii("}q\0"), ascii("0"), ...levelsBytes, Uint8Array.of(0x68, levels - 1));
}
