/** Effective receptive fields: of layers where they are known, of a network where they must lie within the arithmetic, and pictures. */

import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { jsEngine } from "../engines/js/engine.ts";
import { modelNamed } from "../models/registry.ts";
import * as nn from "../nn/index.ts";
import { crc32 } from "../tensor/crc32.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { effectiveReceptiveField } from "./effective-receptive-field.ts";
import { encodePng } from "./png.ts";
import { receptiveFieldPng, receptiveFieldSvg } from "./receptive-field-picture.ts";

const engine = jsEngine();
const ofLayer = (layer: nn.Layer, edge: number, values?: ReadonlyMap<string, number[]>) =>
  effectiveReceptiveField(nn.build(layer, { input: [1, edge, edge, 1] }), {
    engine,
    images: 2,
    ...(values ? { values } : {}),
  });

describe("effectiveReceptiveField", () => {
  it("is the filter's size of one convolution, around the middle", async () => {
    const weight = [1, -2, 3, -4, 5, -6, 7, -8, 10];
    const field = await ofLayer(
      nn.conv2d(1, 3, { padding: 1, bias: false }),
      5,
      new Map([["weight", weight]]),
    );
    const rows = Array.from({ length: 5 }, (_, i) => [...field.values.subarray(5 * i, 5 * i + 5)]);
    const expected = [0, 1, 2].map((i) => [
      0,
      ...weight.slice(3 * i, 3 * i + 3).map((w) => Math.abs(w) / 10),
      0,
    ]);
    const nothing = [0, 0, 0, 0, 0];
    for (const [i, row] of [nothing, ...expected, nothing].entries())
      for (const [j, value] of row.entries()) expect(rows[i][j]).toBeCloseTo(value, 6);
    expect(field).toMatchObject({ map: [5, 5, 1], box: [1, 1, 3, 3], edge: 3 });
  });

  it("falls off from the middle as sums of many equal weights do, which are nearly normal", async () => {
    // Ten averages over 3 pixels: the distribution of a sum of ten draws of −1, 0, 1, with variance 10·2/3.
    const layer = nn.repeat(10, () => nn.conv2d(1, 3, { padding: 1, bias: false }));
    const values = new Map(
      Array.from({ length: 10 }, (_, i) => [`${i}.weight`, new Array<number>(9).fill(1)]),
    );
    const field = await ofLayer(layer, 31, values);
    expect(field.theoretical[0]).toEqual({ size: 21, stride: 1, start: -10 });
    expect(field.box).toEqual([5, 5, 21, 21]);
    const along = (distance: number) => field.values[15 * 31 + 15 + distance];
    expect(along(0)).toBe(1);
    for (const distance of [1, 2, 4]) {
      expect(along(distance)).toBeCloseTo(along(-distance), 6);
      expect(along(distance)).toBeCloseTo(Math.exp(-(distance ** 2) / (2 * (20 / 3))), 1);
    }
    expect(field.edge).toBeLessThan(15);
  });

  it("of LeNet-5's last map lies within what arithmetic says, the same for the same seed", async () => {
    const { build, input } = modelNamed("lenet5");
    const network = nn.build(build(), { input: [1, ...input] });
    const [field, again, other] = [
      await effectiveReceptiveField(network, { engine }),
      await effectiveReceptiveField(network, { engine }),
      await effectiveReceptiveField(network, { engine, seed: 1 }),
    ];
    expect(field).toMatchObject({ at: "pool2", map: [5, 5, 16], box: [6, 6, 16, 16] });
    expect(again.values).toEqual(field.values);
    expect(other.values).not.toEqual(field.values);
    const [top, left, h, w] = field.box;
    for (const [i, value] of field.values.entries()) {
      const [row, column] = [Math.floor(i / 28), i % 28];
      if (row < top || row >= top + h || column < left || column >= left + w) expect(value).toBe(0);
    }
    expect(field.values.reduce((count, value) => count + (value > 0 ? 1 : 0), 0)).toBeGreaterThan(200);
  });

  it("is refused where there is no map, or too few images", async () => {
    const { build, input } = modelNamed("lenet5");
    const network = nn.build(build(), { input: [1, ...input] });
    const options = { engine };
    await expect(effectiveReceptiveField(network, { ...options, at: "fc1" })).rejects.toThrow(
      "fc1 gives 120, which is no map of the image.",
    );
    await expect(effectiveReceptiveField(network, { ...options, at: "pool3" })).rejects.toThrow(OptionError);
    await expect(effectiveReceptiveField(network, { ...options, images: 0 })).rejects.toThrow("images is 0");
    const two = nn.build(build(), { input: [2, ...input] });
    await expect(effectiveReceptiveField(two, options)).rejects.toThrow(ShapeError);
  });
});

describe("its pictures", () => {
  it("have a pixel for each of the image, white where the gradient is greatest and black where there is none", async () => {
    const field = await ofLayer(nn.conv2d(1, 1, { bias: false }), 3, new Map([["weight", [2]]]));
    const png = receptiveFieldPng(field);
    const { pixels, width, height } = decode(png);
    expect([width, height]).toEqual([3, 3]);
    expect(pixels).toEqual([
      ...new Array<number>(12).fill(0),
      255,
      255,
      255,
      ...new Array<number>(12).fill(0),
    ]);
    const svg = receptiveFieldSvg(field, "a<b");
    expect(svg).toContain("a&#60;b");
    expect(svg).toContain("sees 1×1 pixels by arithmetic");
    expect(svg).toContain(Buffer.from(png).toString("base64"));
  });

  it("are PNG files of any size: blocks of 65,535 bytes, check sums, rows of their own", () => {
    const [height, width] = [150, 201];
    const given = Uint8Array.from({ length: 3 * height * width }, (_, i) => (i * 7 + (i >> 8)) & 255);
    const { pixels, ...size } = decode(encodePng(given, height, width));
    expect(size).toEqual({ width, height });
    expect(pixels).toEqual([...given]);
  });

  it("have the check sum of the standard", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });
});

/** Reads the chunks of a PNG, whose check sums must be right, and inflates with zlib. */
function decode(png: Uint8Array) {
  expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(png.buffer, png.byteOffset);
  const chunks = new Map<string, Uint8Array>();
  for (let at = 8; at < png.length; ) {
    const length = view.getUint32(at);
    const body = png.subarray(at + 4, at + 8 + length);
    expect(view.getUint32(at + 8 + length)).toBe(crc32(body));
    chunks.set(String.fromCharCode(...body.subarray(0, 4)), body.subarray(4));
    at += 12 + length;
  }
  const header = chunks.get("IHDR") ?? new Uint8Array(13);
  const [width, height] = [0, 4].map((at) => new DataView(header.buffer, header.byteOffset).getUint32(at));
  const rows = inflateSync(chunks.get("IDAT") ?? new Uint8Array());
  const pixels = Array.from({ length: height }, (_, i) => {
    expect(rows[i * (1 + 3 * width)]).toBe(0);
    return [...rows.subarray(i * (1 + 3 * width) + 1, (i + 1) * (1 + 3 * width))];
  }).flat();
  return { width, height, pixels };
}
