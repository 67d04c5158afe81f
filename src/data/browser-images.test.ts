import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DatasetError } from "../tensor/errors.ts";
import { decodeBlob, imageFilesDataset } from "./browser-images.ts";

/** Arguments of each drawing: left, top, width and height of the part of the picture, then of the canvas. */
const drawn: number[][] = [];

/** A page's decoder, as far as it is used: pictures of 40×20, every pixel of the canvas (10, 20, 30). */
beforeEach(() => {
  drawn.length = 0;
  vi.stubGlobal("createImageBitmap", async (blob: Blob) => {
    if (blob.size === 0) throw new Error("InvalidStateError");
    return { width: 40, height: 20, close: () => undefined };
  });
  vi.stubGlobal(
    "OffscreenCanvas",
    class {
      readonly width: number;
      readonly height: number;
      constructor(width: number, height: number) {
        this.width = width;
        this.height = height;
      }
      getContext() {
        return {
          fillRect: () => undefined,
          drawImage: (_: unknown, ...places: number[]) => drawn.push(places),
          getImageData: (_x: number, _y: number, w: number, h: number) => ({
            data: Uint8ClampedArray.from({ length: 4 * w * h }, (_, i) => [10, 20, 30, 255][i % 4]),
          }),
        };
      }
    },
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const file = (path: string, bytes = 5): File => {
  const made = new File([new Uint8Array(bytes)], path.split("/").at(-1) ?? "");
  return Object.defineProperty(made, "webkitRelativePath", { value: path });
};

describe("pictures given to a page", () => {
  test("are cropped to their centre, or stretched, and have the channels that are asked for", async () => {
    const blob = new Blob([new Uint8Array(5)]);
    const colour = await decodeBlob(blob, { name: "a", imageShape: [8, 8, 3] });
    expect([...colour.subarray(0, 4)]).toEqual([10, 20, 30, 10]);
    const grey = await decodeBlob(blob, { name: "a", imageShape: [8, 8, 1], fit: "stretch" });
    expect([grey.length, grey[0]]).toEqual([64, 18]);
    expect(drawn).toEqual([
      [10, 0, 20, 20, 0, 0, 8, 8],
      [0, 0, 40, 20, 0, 0, 8, 8],
    ]);
  });

  test("make a set by the folders that they lie in", async () => {
    const files = [
      file("pets/train/dog/1.png"),
      file("pets/train/cat/1.png"),
      file("pets/val/cat/2.png"),
      file("pets/x.txt"),
    ];
    const train = await imageFilesDataset(files, { imageShape: [4, 4, 3] });
    expect([train.name, train.length, train.classes.join()]).toEqual(["pets", 2, "cat,dog"]);
    expect(train.normalization.mean[0]).toBeCloseTo(10 / 255, 3);
    const validation = await imageFilesDataset(files, { imageShape: [4, 4, 3], split: "validation" });
    expect([validation.length, validation.label(0)]).toEqual([1, 0]);
  });

  test("that cannot be decoded are named", async () => {
    await expect(decodeBlob(new Blob([]), { name: "pets/cat/1.png", imageShape: [4, 4, 3] })).rejects.toThrow(
      "pets/cat/1.png: cannot be decoded",
    );
    await expect(imageFilesDataset([], { imageShape: [4, 4, 3] })).rejects.toThrow(DatasetError);
  });
});
