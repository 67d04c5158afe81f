import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Loader, measureNormalization, parseAugmentation } from "../src/data/index.ts";
import { availableSplits, openDataset } from "../src/data/node.ts";

const shared = fileURLToPath(new URL("../../shared/data/", import.meta.url));
const isThere = existsSync(shared);
if (!isThere)
  console.warn(`SKIPPED: no test on real MNIST, CIFAR-10 and photos, because ${shared} is missing.`);

describe.skipIf(!isThere)("real data", () => {
  test("MNIST begins with the digits that everyone knows", async () => {
    const train = await openDataset("mnist", { dataDir: `${shared}mnist`, download: false });
    expect(train.length).toBe(60_000);
    expect(Array.from({ length: 10 }, (_, i) => train.label(i))).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    const measured = await measureNormalization(train, { images: 60_000 });
    expect(measured).toEqual(train.normalization);
    const test = await openDataset("mnist", { dataDir: `${shared}mnist`, split: "test" });
    expect(Array.from({ length: 5 }, (_, i) => test.label(i))).toEqual([7, 2, 1, 0, 4]);
  });

  test("CIFAR-10 has 5,000 images of each class and the published mean and deviation", async () => {
    const train = await openDataset("cifar10", { dataDir: `${shared}cifar10`, download: false });
    const counts = new Uint32Array(10);
    for (let i = 0; i < train.length; i++) counts[train.label(i)]++;
    expect([...counts]).toEqual(Array(10).fill(5000));
    // The first image is the frog of every tutorial.
    expect(train.classes[train.label(0)]).toBe("frog");
    const { mean, std } = await measureNormalization(train, { images: 10_000 });
    for (let k = 0; k < 3; k++) {
      expect(mean[k]).toBeCloseTo(train.normalization.mean[k], 2);
      expect(std[k]).toBeCloseTo(train.normalization.std[k], 2);
    }
  });

  test("batches of augmented MNIST have mean near 0 and deviation just below 1", async () => {
    const train = await openDataset("mnist", { dataDir: `${shared}mnist` });
    const augment = parseAugmentation("affine");
    const loader = new Loader(train, { batch: 512, shuffle: true, augment });
    for await (const { images } of loader.epoch(0)) {
      const mean = images.reduce((a, b) => a + b, 0) / images.length;
      const square = images.reduce((a, b) => a + b * b, 0) / images.length;
      expect(Math.abs(mean)).toBeLessThan(0.05);
      // Bilinear reads smooth, which takes a little of the deviation.
      expect(Math.sqrt(square)).toBeGreaterThan(0.9);
      expect(Math.sqrt(square)).toBeLessThan(1.02);
      break;
    }
    await loader.dispose();
  });

  test("photos in folders are decoded, grey ones too", async () => {
    const folder = `${shared}tiny-imagenet-10`;
    expect(await availableSplits(folder)).toEqual(["train", "validation"]);
    const photos = await openDataset(folder, { imageShape: [64, 64, 3], split: "validation" });
    expect([photos.length, photos.classes.length]).toEqual([500, 10]);
    const loader = new Loader(photos, { batch: 100 });
    let count = 0;
    for await (const batch of loader.epoch(0)) count += batch.count;
    expect(count).toBe(500);
    await loader.dispose();
  });
});
