import { describe, expect, test } from "vitest";
import { concat, gzip, idxImages, idxLabels } from "../../test/data-files.ts";
import { DatasetError } from "../tensor/errors.ts";
import { inflateIdx, readIdxImages, readIdxLabels } from "./idx.ts";

describe("an IDX file", () => {
  test("of images gives count, sides and pixels", () => {
    const bytes = idxImages(3, 2, 4);
    const { count, height, width, pixels } = readIdxImages(bytes, "a");
    expect([count, height, width]).toEqual([3, 2, 4]);
    expect(pixels).toEqual(bytes.subarray(16));
  });

  test("of labels gives the labels", () => {
    expect([...readIdxLabels(idxLabels([5, 0, 4]), "a")]).toEqual([5, 0, 4]);
  });

  test("that is gzipped is inflated to shared memory", async () => {
    const bytes = idxImages(20, 28, 28);
    const inflated = await inflateIdx(gzip(bytes), "images", "a");
    expect(inflated.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(Buffer.compare(inflated, bytes)).toBe(0);
    expect(await inflateIdx(bytes, "images", "a")).toBe(bytes);
  });

  test("that is cut says at which byte and of how many", () => {
    const bytes = idxImages(1000, 28, 28).subarray(0, 5000);
    expect(() => readIdxImages(bytes, "train-images-idx3-ubyte")).toThrow(
      "train-images-idx3-ubyte: ends at byte 5,000 of 784,016: the file is truncated.",
    );
  });

  test("with bytes after its end is refused", () => {
    expect(() => readIdxLabels(concat(idxLabels([1, 2]), Uint8Array.of(3)), "labels")).toThrow(
      "labels: has 11 bytes, but its header announces 10",
    );
  });

  test("of labels where images are wanted is told apart", () => {
    expect(() => readIdxImages(concat(idxLabels([1, 2]), new Uint8Array(20)), "x")).toThrow(
      "x: begins with 00000801, not with 00000803, the mark of IDX images. This is a file of labels.",
    );
  });

  test("whose header announces absurd sizes is refused before memory is taken", async () => {
    const bytes = idxImages(1, 2, 2);
    bytes.set([255, 255, 255, 255], 4);
    expect(() => readIdxImages(bytes, "x")).toThrow(DatasetError);
    await expect(inflateIdx(gzip(bytes), "images", "x")).rejects.toThrow("it is damaged");
    // 1.6 GB would be possible, but not out of these few bytes.
    bytes.set([0, 0x1f, 0xff, 0xff], 4);
    bytes.set([0, 0, 0, 28, 0, 0, 0, 28], 8);
    await expect(inflateIdx(gzip(bytes), "images", "x")).rejects.toThrow("bytes of gzip can hold");
  });

  test("that is shorter than a header says so", async () => {
    expect(() => readIdxImages(new Uint8Array(7), "x")).toThrow("x: has 7 bytes, less than the 16");
    await expect(inflateIdx(gzip(new Uint8Array(3)), "labels", "x")).rejects.toThrow(DatasetError);
  });
});
