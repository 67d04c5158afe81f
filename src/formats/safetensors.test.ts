import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../tensor/index.ts";
import { type ElementType, elementBytes } from "./element-types.ts";
import { float32Values, type RawTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";

/** A file of this header, written by hand so that every rule can be broken. */
function file(header: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

function refusal(bytes: Uint8Array): CheckpointError {
  try {
    readSafetensors(bytes, "weights.safetensors");
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

const name = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => text !== "__metadata__");
const shape = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
const raw: fc.Arbitrary<RawTensor> = fc
  .tuple(fc.constantFrom(...(Object.keys(elementBytes) as ElementType[])), shape)
  .chain(([type, extents]) => {
    const length = extents.reduce((product, extent) => product * extent, elementBytes[type]);
    return fc.record({
      type: fc.constant(type),
      shape: fc.constant(extents),
      bytes: fc.uint8Array({ minLength: length, maxLength: length }),
    });
  });

describe("safetensors", () => {
  test("reads back what it wrote: any names, types, shapes and metadata", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, raw), { maxLength: 6 }),
        fc.array(fc.tuple(fc.string({ unit: "grapheme", maxLength: 10 }), fc.string({ unit: "grapheme" })), {
          maxLength: 3,
        }),
        (tensors, metadata) => {
          const written = new Map(tensors);
          const bytes = writeSafetensors(written, new Map(metadata));
          const read = readSafetensors(bytes, "x");
          expect(read.metadata).toEqual(new Map(metadata));
          expect(read.dataOffset % 8).toBe(0);
          expect([...read.tensors.keys()].sort()).toEqual([...written.keys()].sort());
          for (const [key, tensor] of written) {
            const found = read.tensors.get(key);
            expect(found?.type).toBe(tensor.type);
            expect(found?.shape).toEqual(tensor.shape);
            expect([...(found?.bytes ?? [])]).toEqual([...tensor.bytes]);
          }
        },
      ),
      { seed: 7, numRuns: 150 },
    );
  });

  test("reads a Buffer of Node at an odd place of its memory", () => {
    const bytes = writeSafetensors(new Map([["w", { shape: [2], data: Float32Array.of(1, -2) }]]));
    const { tensors } = readSafetensors(Buffer.concat([Buffer.alloc(1), bytes]).subarray(1), "x");
    expect([...tensors].map(([, tensor]) => [...float32Values(tensor)])).toEqual([[1, -2]]);
  });

  test("writes the same bytes whatever the order of the maps", () => {
    const a = { shape: [2], data: Float32Array.of(1, 2) };
    const b = { type: "U8" as const, shape: [3], bytes: Uint8Array.of(1, 2, 3) };
    const metadata: [string, string][] = [
      ["k", "v"],
      ["a", "b"],
    ];
    const forward = writeSafetensors(
      new Map<string, RawTensor | typeof a>([["a", a]]).set("b", b),
      new Map(metadata),
    );
    const backward = writeSafetensors(
      new Map<string, RawTensor | typeof a>([["b", b]]).set("a", a),
      new Map(metadata.reverse()),
    );
    expect(forward).toEqual(backward);
  });

  test("lays out a file byte by byte as the format says", () => {
    const bytes = writeSafetensors(new Map([["w", { shape: [1, 2], data: Float32Array.of(1, -2) }]]));
    const header = '{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}} ';
    const padded = header.trimEnd().padEnd(56);
    expect([...bytes.subarray(0, 8)]).toEqual([56, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(bytes.subarray(8, 64))).toBe(padded);
    expect([...bytes.subarray(64)]).toEqual([0, 0, 128, 63, 0, 0, 0, 192]);
  });

  test("turns every element type to float32", () => {
    const values = (type: ElementType, bytes: Uint8Array | ArrayBuffer) => {
      const data = new Uint8Array(bytes);
      return [...float32Values({ type, shape: [data.length / elementBytes[type]], bytes: data })];
    };
    expect(values("F64", Float64Array.of(1.5, -1e300).buffer)).toEqual([1.5, Number.NEGATIVE_INFINITY]);
    // 1, −2, the least subnormal, the greatest finite, infinity, NaN
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00);
    expect(values("F16", halves.buffer)).toEqual([
      1,
      -2,
      2 ** -24,
      65504,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
    expect(values("BF16", Uint16Array.of(0x3f80, 0xc040).buffer)).toEqual([1, -3]);
    expect(values("I64", BigInt64Array.of(-5n, 2n ** 40n).buffer)).toEqual([-5, 2 ** 40]);
    expect(values("U64", BigUint64Array.of(2n ** 63n).buffer)).toEqual([2 ** 63]);
    expect(values("I32", Int32Array.of(-7).buffer)).toEqual([-7]);
    expect(values("U32", Uint32Array.of(2 ** 31).buffer)).toEqual([2 ** 31]);
    expect(values("I16", Int16Array.of(-300).buffer)).toEqual([-300]);
    expect(values("U16", Uint16Array.of(65535).buffer)).toEqual([65535]);
    expect(values("I8", Uint8Array.of(255))).toEqual([-1]);
    expect(values("U8", Uint8Array.of(255))).toEqual([255]);
    expect(values("BOOL", Uint8Array.of(0, 1))).toEqual([0, 1]);
  });

  const four = new Uint8Array(4);
  const f32 = (offsets: string, extents = "[1]") =>
    `{"dtype":"F32","shape":${extents},"data_offsets":${offsets}}`;
  test.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(), /byte 0: the file ends before the 8 bytes/],
    [
      "a header longer than the file",
      file("{}").subarray(0, 9),
      /header takes 2 bytes, but the file ends at byte 9/,
    ],
    ["a huge header length", new Uint8Array(8).fill(255), /over the limit of 100,000,000/],
    ["text that is no JSON", file("{nope"), /not valid JSON/],
    ["text that is no UTF-8", file(Uint8Array.of(0x7b, 0xff, 0x7d)), /not valid UTF-8/],
    ["a byte order mark", file("\ufeff{}"), /not valid JSON/],
    ["a header that is a list", file("[]"), /not a JSON object/],
    [
      "an array said twice",
      file(`{"w":${f32("[0,4]")},"w":${f32("[0,4]")}}`, four),
      /byte 62: the key "w" stands/,
    ],
    [
      "a field said twice",
      file('{"w":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', four),
      /twice/,
    ],
    ["metadata that is no text", file('{"__metadata__":{"a":1}}'), /__metadata__ has a, which is not text/],
    ["metadata that is a list", file('{"__metadata__":[]}'), /__metadata__ is not/],
    ["an entry that is a number", file('{"w":3}'), /entry w is not/],
    [
      "an unknown type",
      file('{"w":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}', four),
      /dtype "Q4"; known are F64/,
    ],
    [
      "a type from the prototype",
      file('{"w":{"dtype":"toString","shape":[1],"data_offsets":[0,4]}}', four),
      /dtype/,
    ],
    ["no shape", file('{"w":{"dtype":"F32","data_offsets":[0,4]}}', four), /shape none/],
    ["a negative extent", file(`{"w":${f32("[0,4]", "[-1]")}}`, four), /shape \[-1\]/],
    ["an extent past 2⁵³", file(`{"w":${f32("[0,4]", "[3037000500,3037000500]")}}`, four), /too large/],
    ["offsets the wrong way round", file(`{"w":${f32("[4,0]")}}`, four), /data_offsets \[4,0\]/],
    ["a size that is not the shape's", file(`{"w":${f32("[0,4]", "[2]")}}`, four), /takes 8 bytes/],
    ["an overlap", file(`{"v":${f32("[0,4]")},"w":${f32("[2,6]")}}`, new Uint8Array(6)), /w overlaps/],
    ["a gap", file(`{"v":${f32("[0,4]")},"w":${f32("[8,12]")}}`, new Uint8Array(12)), /w leaves a gap/],
    [
      "missing elements",
      file(`{"w":${f32("[0,4]")}}`, new Uint8Array(3)),
      /w needs 4 bytes, but the file ends/,
    ],
    ["bytes that belong to nothing", file(`{"w":${f32("[0,4]")}}`, new Uint8Array(5)), /1 bytes follow/],
  ])("refuses %s", (_title, bytes, message) => {
    const error = refusal(bytes);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^weights\.safetensors: at byte /);
    expect(error.facts).toMatchObject({ file: "weights.safetensors", offset: expect.any(Number) });
  });

  test("refuses to write values that do not fill their shape", () => {
    expect(() => writeSafetensors(new Map([["w", { shape: [3], data: new Float32Array(2) }]]))).toThrow(
      /w: shape \[3\] of F32 takes 12 bytes, but it has 8/,
    );
    expect(() =>
      writeSafetensors(new Map([["__metadata__", { shape: [0], data: new Float32Array() }]])),
    ).toThrow(CheckpointError);
  });
});
