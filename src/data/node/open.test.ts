import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  cifarPickle,
  cifarRecords,
  gzip,
  idxImages,
  idxLabels,
  randomBytes,
  tar,
} from "../../../test/data-files.ts";
import { DatasetError } from "../../tensor/errors.ts";
import type { Dataset } from "../dataset.ts";
import { availableSplits, openDataset } from "./open.ts";

let folder: string;
const put = async (path: string, bytes: Uint8Array) => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), bytes);
};
const labelsOf = (dataset: Dataset) => Array.from({ length: dataset.length }, (_, i) => dataset.label(i));
const open = (name: string, split: "train" | "test" = "train") =>
  openDataset(name, { dataDir: folder, cacheDir: join(folder, "cache"), download: false, split });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-open-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function putMnist(images: (bytes: Uint8Array) => Uint8Array, suffix: string, under = "") {
  await put(`${under}train-images-idx3-ubyte${suffix}`, images(idxImages(5, 28, 28)));
  await put(`${under}train-labels-idx1-ubyte${suffix}`, images(idxLabels([5, 0, 4, 1, 9])));
}

describe("a named set", () => {
  test("of IDX files is found plain, gzipped and in a folder of its name", async () => {
    await putMnist((bytes) => bytes, "");
    const plain = await open("mnist");
    expect(labelsOf(plain)).toEqual([5, 0, 4, 1, 9]);
    expect(plain.imageShape).toEqual([28, 28, 1]);
    await rm(folder, { recursive: true });
    await putMnist(gzip, ".gz", "mnist/");
    const zipped = await open("mnist");
    expect(zipped.fingerprint).toBe(plain.fingerprint);
    expect(labelsOf(await open("fashion-mnist").catch(() => zipped))).toEqual([5, 0, 4, 1, 9]);
  });

  test("of CIFAR-10 is found as records, pickles and both archives, with the same images", async () => {
    const batches = [1, 2, 3, 4, 5].map((i) => cifarRecords([i, i + 1], 1, i));
    const pickles = batches.map((bytes, i) => {
      const data = new Uint8Array(2 * 3072);
      data.set(bytes.subarray(1, 3073));
      data.set(bytes.subarray(3074), 3072);
      return cifarPickle([i + 1, i + 2], data);
    });
    const named = (files: readonly Uint8Array[], name: (i: number) => string) =>
      Object.fromEntries(files.map((bytes, i) => [name(i + 1), bytes]));
    const forms: Record<string, Uint8Array>[] = [
      named(batches, (i) => `data_batch_${i}.bin`),
      named(batches, (i) => `cifar-10-batches-bin/data_batch_${i}.bin`),
      named(pickles, (i) => `cifar-10-batches-py/data_batch_${i}`),
      {
        "cifar-10-binary.tar.gz": gzip(
          tar(named(batches, (i) => `cifar-10-batches-bin/data_batch_${i}.bin`)),
        ),
      },
      { "cifar-10-python.tar.gz": gzip(tar(named(pickles, (i) => `cifar-10-batches-py/data_batch_${i}`))) },
    ];
    const fingerprints = new Set<string>();
    for (const files of forms) {
      await rm(folder, { recursive: true });
      for (const [path, bytes] of Object.entries(files)) await put(path, bytes);
      const dataset = await open("cifar10");
      expect(labelsOf(dataset)).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
      fingerprints.add(dataset.fingerprint);
    }
    expect(fingerprints.size).toBe(1);
  });

  test("of CIFAR-100 is found as records and gives fine labels", async () => {
    await put("cifar-100-binary/test.bin", cifarRecords([99, 3], 2));
    const dataset = await open("cifar100", "test");
    expect(labelsOf(dataset).map((label) => dataset.classes[label])).toEqual(["worm", "bear"]);
  });

  test("whose folder lacks a file says which", async () => {
    await put("train-images-idx3-ubyte.gz", gzip(idxImages(5, 28, 28)));
    await expect(open("mnist")).rejects.toThrow("has no train-labels-idx1-ubyte.gz");
    await put("data_batch_2.bin", cifarRecords([1]));
    await expect(open("cifar10")).rejects.toThrow("data_batch_1.bin: cannot be read");
    await put("cifar-100-binary.tar.gz", gzip(tar({ "other/train.bin": cifarRecords([1], 2) })));
    await expect(open("cifar100")).rejects.toThrow(
      "cifar-100-binary.tar.gz: holds no cifar-100-binary/train.bin",
    );
  });

  test("with images and labels of different number or size is refused", async () => {
    await putMnist((bytes) => bytes, "");
    await put("train-labels-idx1-ubyte", idxLabels([1, 2, 3]));
    await expect(open("mnist")).rejects.toThrow("has 3 labels, but");
    await put("train-labels-idx1-ubyte", idxLabels([1, 2, 3, 4, 17]));
    await expect(open("mnist")).rejects.toThrow("image 4 has label 17");
    await put("train-images-idx3-ubyte", idxImages(5, 20, 28));
    await expect(open("mnist")).rejects.toThrow("the images are 20×28, but those of mnist are 28×28");
  });

  test("that is nowhere and may not be downloaded says what to get and where to put it", async () => {
    const error = await open("cifar10").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DatasetError);
    for (const part of [
      folder,
      join(folder, "cache", "cifar10"),
      "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      "--data digits",
    ]) {
      expect(String(error)).toContain(part);
    }
    await expect(openDataset("mnist", { dataDir: join(folder, "none") })).rejects.toThrow(
      "there is no such folder",
    );
  });

  test("has no validation part", async () => {
    expect(await availableSplits("digits")).toEqual(["train", "test"]);
    await expect(openDataset("digits", { split: "validation" })).rejects.toThrow(
      "hold a validation part out of train",
    );
    expect((await openDataset("digits", { split: "test", seed: 3 })).length).toBe(2000);
  });
});

describe("a folder", () => {
  test("of IDX files of any size is a set, normalised as its training part is", async () => {
    await put("train-images-idx3-ubyte", idxImages(6, 9, 11));
    await put("train-labels-idx1-ubyte", idxLabels([0, 1, 2, 0, 1, 2]));
    expect(await availableSplits(folder)).toEqual(["train"]);
    await put("t10k-images-idx3-ubyte", idxImages(2, 9, 11));
    await put("t10k-labels-idx1-ubyte", idxLabels([2, 1]));
    expect(await availableSplits(folder)).toEqual(["train", "test"]);
    const dataset = await openDataset(folder, { split: "test" });
    expect(dataset.imageShape).toEqual([9, 11, 1]);
    expect(dataset.classes).toEqual(["0", "1", "2"]);
    expect(dataset.normalization).toEqual((await openDataset(folder)).normalization);
    expect(dataset.normalization.mean[0]).toBeCloseTo(0.5, 1);
  });

  test("of CIFAR's files is a set", async () => {
    await put("cifar-10-batches-bin/test_batch.bin", cifarRecords([8]));
    const dataset = await openDataset(folder, { split: "test" });
    expect(dataset.classes[dataset.label(0)]).toBe("ship");
  });

  test("that is not there is an error that lists the names", async () => {
    await expect(openDataset("minst")).rejects.toThrow(
      'There is no data set and no folder "minst". The names are digits, mnist, fashion-mnist, cifar10, cifar100',
    );
    await expect(availableSplits("minst")).rejects.toThrow(DatasetError);
  });

  test("without pictures is an error that says how it should be", async () => {
    await put("notes.txt", randomBytes(10, 1));
    await expect(openDataset(folder)).rejects.toThrow("holds no pictures in folders of classes");
  });
});
