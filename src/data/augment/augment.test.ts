import { describe, expect, test } from "vitest";
import { OptionError } from "../../tensor/errors.ts";
import { RandomStream } from "../../tensor/random.ts";
import { affine } from "./affine.ts";
import { augmenter } from "./augmenter.ts";
import { crop } from "./crop.ts";
import { flip } from "./flip.ts";
import { moveImage } from "./move.ts";
import { formatAugmentation, parseAugmentation } from "./parse.ts";
import { transforms } from "./registry.ts";
import { rotate } from "./rotate.ts";
import { shift } from "./shift.ts";
import type { ImageShape } from "./transform.ts";
import { warpImage } from "./warp.ts";

const shape: ImageShape = [5, 7, 3];
const image = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (37 * i + 11) % 251);

describe("every transform", () => {
  for (const transform of transforms) {
    test(`${transform.name} gives the same for the same seed, epoch and image, and else another`, () => {
      const run = augmenter([{ name: transform.name, values: {} }], shape);
      const results = new Set<string>();
      for (let i = 0; i < 64; i++) {
        const result = run(image, 1, i, 0).join();
        expect(run(image, 1, i, 0).join()).toBe(result);
        results.add(result);
      }
      expect(results.size).toBeGreaterThan(1);
    });

    test(`${transform.name} takes floats and any number of channels`, () => {
      for (const channels of [1, 2, 3, 4]) {
        const small: ImageShape = [4, 6, channels];
        const bytes = image.slice(0, 24 * channels);
        const run = augmenter([{ name: transform.name, values: {} }], small);
        const floats = run(Float32Array.from(bytes), 9, 2, 4);
        expect(floats).toBeInstanceOf(Float32Array);
        const rounded = run(bytes, 9, 2, 4);
        for (let i = 0; i < bytes.length; i++)
          expect(Math.abs(rounded[i] - floats[i])).toBeLessThanOrEqual(0.5001);
      }
    });
  }

  test("leaves the given image as it was", () => {
    const copy = image.slice();
    augmenter(parseAugmentation("affine,crop,flip,rotate,shift"), shape)(image, 1, 2, 3);
    expect(image).toEqual(copy);
  });
});

describe("moving an image", () => {
  test("fills what comes in from outside", () => {
    const target = new Uint8Array(6);
    moveImage(Uint8Array.of(1, 2, 3, 4, 5, 6), target, [2, 3, 1], 1, -1, 9);
    expect([...target]).toEqual([9, 4, 5, 9, 9, 9]);
    moveImage(Uint8Array.of(1, 2, 3, 4, 5, 6), target, [2, 3, 1], 0, 5, 7);
    expect([...target]).toEqual([7, 7, 7, 7, 7, 7]);
  });

  test("stays within the padding of a crop, and reaches all of it", () => {
    const one = new Uint8Array(25);
    one[12] = 1;
    const seen = new Set<number>();
    const target = new Uint8Array(25);
    for (let key = 0; key < 400; key++) {
      crop.apply(one, target, [5, 5, 1], { padding: 1, fill: 0 }, new RandomStream(key));
      seen.add(target.indexOf(1));
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([6, 7, 8, 11, 12, 13, 16, 17, 18]);
  });
});

describe("warping an image", () => {
  const still = { angle: 0, scale: 1, down: 0, right: 0 };
  const warped = (warp: Partial<typeof still>, source = image, size = shape) => {
    const target = new Uint8Array(source.length);
    warpImage(source, target, size, { ...still, ...warp }, 0);
    return target;
  };

  test("by nothing gives it back, and by whole pixels moves it", () => {
    expect(warped({})).toEqual(image);
    const moved = new Uint8Array(image.length);
    moveImage(image, moved, shape, -2, 3, 0);
    expect(warped({ down: 2, right: -3 })).toEqual(moved);
  });

  test("by a quarter turns it, four times to itself", () => {
    const square: ImageShape = [5, 5, 1];
    const source = image.slice(0, 25);
    const once = warped({ angle: Math.PI / 2 }, source, square);
    // Anticlockwise: the upper right corner comes to the upper left.
    expect(once[0]).toBe(source[4]);
    let turned = source;
    for (let i = 0; i < 4; i++) turned = warped({ angle: Math.PI / 2 }, turned, square);
    expect(turned).toEqual(source);
  });

  test("by half a pixel takes the mean of neighbours", () => {
    const target = new Float32Array(3);
    warpImage(Float32Array.of(2, 4, 8), target, [1, 3, 1], { ...still, right: 0.5 }, 0);
    expect([...target]).toEqual([1, 3, 6]);
  });

  test("to double size spreads it from the centre", () => {
    const target = new Float32Array(5);
    warpImage(Float32Array.of(0, 0, 6, 0, 0), target, [1, 5, 1], { ...still, scale: 2 }, 0);
    expect([...target]).toEqual([0, 3, 6, 3, 0]);
  });
});

test("a flip undoes itself, and mirrors as often as asked", () => {
  const once = new Uint8Array(image.length);
  const twice = new Uint8Array(image.length);
  flip.apply(image, once, shape, { probability: 1 }, new RandomStream(1));
  expect(once.subarray(0, 3)).toEqual(image.subarray(18, 21));
  flip.apply(once, twice, shape, { probability: 1 }, new RandomStream(1));
  expect(twice).toEqual(image);
  const run = augmenter([flip({ probability: 0.25 })], shape);
  const mirrored = Array.from({ length: 2000 }, (_, i) => run(image, 1, 0, i)[0] !== image[0]);
  expect(mirrored.filter(Boolean).length / 2000).toBeCloseTo(0.25, 1);
});

describe("the text of --augment", () => {
  test("is read with numbers in order or by name", () => {
    expect(parseAugmentation("shift:2,rotate:10")).toEqual([shift({ pixels: 2 }), rotate({ degrees: 10 })]);
    expect(parseAugmentation(" crop , flip ")).toEqual([crop(), flip()]);
    expect(parseAugmentation("affine:degrees=15:scale=0.05")).toEqual([affine({ degrees: 15, scale: 0.05 })]);
    expect(parseAugmentation("crop:4:128")).toEqual([crop({ padding: 4, fill: 128 })]);
    expect(parseAugmentation("")).toEqual([]);
    expect(parseAugmentation("none")).toEqual([]);
  });

  test("is written so that it reads back", () => {
    const list = parseAugmentation("affine:1,flip:0.3");
    expect(parseAugmentation(formatAugmentation(list))).toEqual(list);
  });

  test("with an unknown name lists what there is", () => {
    expect(() => parseAugmentation("cutout")).toThrow(
      /no augmentation "cutout".*affine.*crop.*flip.*rotate.*shift/s,
    );
  });

  test("with a wrong number says which", () => {
    expect(() => parseAugmentation("rotate:400")).toThrow(
      "rotate: degrees is 400, but must be between 0 and 180",
    );
    expect(() => parseAugmentation("rotate:x")).toThrow('"x" is not a number');
    expect(() => parseAugmentation("rotate:")).toThrow(OptionError);
    expect(() => parseAugmentation("flip:0.5:1:2")).toThrow("takes 1 numbers");
    expect(() => parseAugmentation("flip:angle=3")).toThrow('has no parameter "angle", only probability');
    expect(() => parseAugmentation("crop,,flip")).toThrow(OptionError);
  });
});
