import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DatasetError, OptionError } from "../../tensor/errors.ts";
import { Loader } from "../loader.ts";
import { decodeImage } from "./decode-image.ts";
import { availableSplits, openDataset } from "./open.ts";
import { openImageFolder } from "./open-folder.ts";

let root: string;
/** A picture of one colour. */
const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });
/** Left half black, right half white. */
const halves = (width: number, height: number) =>
  plain(width, height, "black").composite([
    {
      input: { create: { width: width / 2, height, channels: 3, background: "white" } },
      left: width / 2,
      top: 0,
    },
  ]);
const put = async (path: string, bytes: Uint8Array) => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), bytes);
};
const small = { imageShape: [4, 4, 3] as const };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "striate-folder-"));
  for (const split of ["train", "val"]) {
    await put(`pets/${split}/dog/1.png`, await plain(8, 6, "red").png().toBuffer());
    await put(`pets/${split}/dog/2.JPEG`, await plain(6, 8, "red").jpeg().toBuffer());
    await put(`pets/${split}/cat/deep/3.webp`, await plain(9, 9, "blue").webp({ lossless: true }).toBuffer());
    await put(`pets/${split}/cat/readme.txt`, new Uint8Array(3));
    await put(`pets/${split}/cat/.hidden.png`, new Uint8Array(3));
  }
});
afterAll(() => rm(root, { recursive: true }));

describe("a folder of pictures", () => {
  test("by class gives its pictures in the order of their names, with the folder as class", async () => {
    const dataset = await openImageFolder(join(root, "pets/train"), small);
    expect(dataset.classes).toEqual(["cat", "dog"]);
    expect([0, 1, 2].map((i) => dataset.label(i))).toEqual([0, 1, 1]);
    const pixels = new Uint8Array(48);
    await dataset.read(0, pixels);
    expect([...pixels.subarray(0, 6)]).toEqual([0, 0, 255, 0, 0, 255]);
    await dataset.read(1, pixels);
    expect([...pixels.subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  test("with parts names them and normalises all as the training part", async () => {
    expect(await availableSplits(join(root, "pets"))).toEqual(["train", "validation"]);
    const validation = await openDataset(join(root, "pets"), { ...small, split: "validation" });
    expect(validation.name).toBe("pets");
    expect(validation.normalization.mean[0]).toBeCloseTo(2 / 3, 2);
    expect(validation.normalization).toEqual((await openDataset(join(root, "pets"), small)).normalization);
    await expect(openDataset(join(root, "pets"), { ...small, split: "test" })).rejects.toThrow(
      'has no part "test", only train, validation. A part can be held out of train.',
    );
  });

  test("has a fingerprint of its files and of how they are read", async () => {
    const open = (options: object) => openImageFolder(join(root, "pets"), { ...small, ...options });
    const { fingerprint } = await open({});
    expect((await open({})).fingerprint).toBe(fingerprint);
    expect((await open({ fit: "stretch" })).fingerprint).not.toBe(fingerprint);
    expect((await open({ split: "validation" })).fingerprint).toBe(
      (await open({ split: "validation" })).fingerprint,
    );
  });

  test("is read by a loader, on its worker as in place", async () => {
    const dataset = await openImageFolder(join(root, "pets"), { imageShape: [5, 7, 1] });
    const read = async (worker: boolean) => {
      const loader = new Loader(dataset, { batch: 3, worker });
      for await (const { images, labels } of loader.epoch(0)) return { images: images.slice(), labels };
    };
    const batch = await read(true);
    expect(batch?.images).toHaveLength(3 * 35);
    expect(await read(false)).toEqual(batch);
  });

  test("with a class that training does not know, or a damaged picture, names the file", async () => {
    await put("odd/train/a/1.png", await plain(4, 4, "red").png().toBuffer());
    await put("odd/val/b/1.png", await plain(4, 4, "red").png().toBuffer());
    await expect(openImageFolder(join(root, "odd"), small)).rejects.toThrow('val/b/1.png is of class "b"');
    await put("broken/a/1.png", new Uint8Array(50));
    await expect(openImageFolder(join(root, "broken"), small)).rejects.toThrow("1.png: cannot be decoded");
  });
});

describe("decoding a picture", () => {
  const options = { height: 4, width: 4, channels: 3 };

  test.each([
    [341, 256, 224, 58, 16],
    [340, 256, 227, 56, 14],
    [256, 341, 227, 14, 57],
  ])(
    "of %i×%i cuts the centre's %i pixels from column %i and row %i, scaled no more than it must",
    async (width, height, edge, left, top) => {
      // Red counts columns and green rows, so that a pixel tells where it was.
      const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
        const place = Math.floor(i / 3);
        return [(place % width) & 255, Math.floor(place / width) & 255, 0][i % 3];
      });
      const picture = await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      const cut = await decodeImage(picture, {
        height: edge,
        width: edge,
        channels: 3,
        cropFraction: edge / 256,
      });
      expect([cut[0], cut[1]]).toEqual([left & 255, top & 255]);
      const last = 3 * (edge * edge - 1);
      expect([cut[last], cut[last + 1]]).toEqual([(left + edge - 1) & 255, (top + edge - 1) & 255]);
    },
  );

  test("keeps the centre, or stretches the whole", async () => {
    const wide = await halves(32, 8).png().toBuffer();
    const cropped = await decodeImage(wide, options);
    const stretched = await decodeImage(wide, { ...options, fit: "stretch" });
    for (const pixels of [cropped, stretched]) {
      expect(pixels).toHaveLength(48);
      expect([pixels[0], pixels[9]]).toEqual([0, 255]);
    }
    // Bars of black at both ends are cut by the crop (which blends one row of them in) and kept by the stretch.
    const bars = await plain(8, 8, "white")
      .extend({ left: 12, right: 12, background: "black" })
      .png()
      .toBuffer();
    expect((await decodeImage(bars, options))[0]).toBeGreaterThan(200);
    expect((await decodeImage(bars, { ...options, fit: "stretch" }))[0]).toBe(0);
  });

  test("with a crop fraction keeps the middle of what the crop would show", async () => {
    const framed = await plain(28, 28, "white")
      .extend({ top: 2, bottom: 2, left: 2, right: 2, background: "black" })
      .png()
      .toBuffer();
    expect((await decodeImage(framed, { height: 32, width: 32, channels: 1 }))[0]).toBe(0);
    expect((await decodeImage(framed, { height: 28, width: 28, channels: 1, cropFraction: 0.875 }))[0]).toBe(
      255,
    );
  });

  test("turns grey to colour, colour to grey, and lays what is transparent on black", async () => {
    const grey = await plain(8, 8, "#646464").greyscale().png().toBuffer();
    expect([...(await decodeImage(grey, options)).subarray(0, 3)]).toEqual([100, 100, 100]);
    const green = await plain(8, 8, "#00ff00").jpeg({ quality: 100 }).toBuffer();
    const [luma] = await decodeImage(green, { ...options, channels: 1 });
    expect(luma).toBeGreaterThan(120);
    expect(luma).toBeLessThan(230);
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: "#ffffff00" } })
      .png()
      .toBuffer();
    expect((await decodeImage(clear, options))[0]).toBe(0);
  });

  test("follows the camera's mark of orientation", async () => {
    // Orientation 3: the file lies upside down.
    const marked = await halves(16, 16).jpeg({ quality: 100 }).withMetadata({ orientation: 3 }).toBuffer();
    const pixels = await decodeImage(marked, { ...options, channels: 1 });
    expect(pixels[0]).toBeGreaterThan(200);
    expect(pixels[3]).toBeLessThan(50);
  });

  test("refuses other channels, and what is no picture", async () => {
    await expect(decodeImage(new Uint8Array(9), { ...options, channels: 2 })).rejects.toThrow(OptionError);
    await expect(decodeImage(new Uint8Array(9), options)).rejects.toThrow(DatasetError);
    await expect(decodeImage("/nowhere/x.png", options)).rejects.toThrow("/nowhere/x.png: cannot be decoded");
    const whole = await plain(64, 64, "red").jpeg().toBuffer();
    await expect(decodeImage(whole.subarray(0, whole.length - 200), options)).rejects.toThrow(DatasetError);
  });
});
