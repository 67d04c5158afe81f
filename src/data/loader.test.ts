import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { DatasetError, OptionError } from "../tensor/errors.ts";
import { parseAugmentation } from "./augment/index.ts";
import type { Batch, Dataset } from "./dataset.ts";
import { DigitsDataset } from "./digits.ts";
import { Loader, type LoaderOptions } from "./loader.ts";
import { memoryDataset } from "./memory-dataset.ts";
import { sharedBytes } from "./shared-bytes.ts";
import { holdOut } from "./views.ts";

const count = 103;
const pixels = sharedBytes(count * 12).map((_, i) => (i * 31) % 256);
const labels = Array.from({ length: count }, (_, i) => i % 7);
const classes = ["a", "b", "c", "d", "e", "f", "g"];
const facts = { name: "made", split: "train", classes, imageShape: [2, 2, 3] as const };
const normalization = { mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1] };
const made = memoryDataset({ ...facts, normalization }, pixels, labels);

/** All batches of an epoch, copied. */
async function collect(dataset: Dataset, options: LoaderOptions, epoch = 0, from = 0): Promise<Batch[]> {
  const loader = new Loader(dataset, options);
  const batches: Batch[] = [];
  for await (const batch of loader.epoch(epoch, { from })) {
    batches.push({ ...batch, images: batch.images.slice(), labels: batch.labels.slice() });
  }
  await loader.dispose();
  return batches;
}

const indicesOf = (batches: readonly Batch[]) => batches.flatMap((batch) => [...batch.indices]);

describe("a loader", () => {
  for (const worker of [true, false]) {
    const where = worker ? "on a worker" : "in place";

    test(`gives each image once an epoch, with its label, ${where}`, async () => {
      const batches = await collect(made, { batch: 10, seed: 3, shuffle: true, worker });
      expect(batches.map((batch) => batch.count)).toEqual([...Array(10).fill(10), 3]);
      const indices = indicesOf(batches);
      expect(new Set(indices).size).toBe(count);
      expect(indices).not.toEqual(indices.toSorted((a, b) => a - b));
      expect(batches.flatMap((batch) => [...batch.labels])).toEqual(indices.map((i) => labels[i]));
    });

    test(`normalises by (pixel/255 − mean)/std, ${where}`, async () => {
      const [{ images }] = await collect(made, { batch: 4, worker });
      for (let i = 0; i < 48; i++) {
        const k = i % 3;
        const expected = (pixels[i] / 255 - normalization.mean[k]) / normalization.std[k];
        expect(images[i]).toBe(Math.fround(expected));
      }
    });
  }

  test("gives the same bytes on a worker and in place", async () => {
    const augment = parseAugmentation("affine,crop:1,flip");
    const digits = holdOut(new DigitsDataset(), 500, { seed: 1 }).validation;
    for (const dataset of [made, digits]) {
      const options = { batch: 32, seed: 5, shuffle: true, augment };
      const [onWorker, inPlace] = await Promise.all([
        collect(dataset, options, 2),
        collect(dataset, { ...options, worker: false }, 2),
      ]);
      expect(onWorker).toEqual(inPlace);
    }
  });

  test("orders epochs by seed, each in its own way", async () => {
    const options = { batch: 50, seed: 1, shuffle: true };
    const first = indicesOf(await collect(made, options, 0));
    expect(indicesOf(await collect(made, options, 0))).toEqual(first);
    expect(indicesOf(await collect(made, options, 1))).not.toEqual(first);
    expect(indicesOf(await collect(made, { ...options, seed: 2 }, 0))).not.toEqual(first);
    expect(indicesOf(await collect(made, { batch: 50 }))).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test("goes on in the middle of an epoch as if it had never stopped", async () => {
    const options = { batch: 10, seed: 3, shuffle: true, augment: parseAugmentation("shift:1") };
    const whole = await collect(made, options, 4);
    expect(await collect(made, options, 4, 6)).toEqual(whole.slice(6));
    expect(await collect(made, options, 4, 11)).toEqual([]);
    await expect(collect(made, options, 4, 12)).rejects.toThrow(OptionError);
  });

  test("leaves out a last batch that is not full when asked", async () => {
    expect((await collect(made, { batch: 10, dropLast: true })).map((batch) => batch.count)).toEqual(
      Array(10).fill(10),
    );
    expect(new Loader(made, { batch: 10, dropLast: true }).batches).toBe(10);
  });

  test("serves several iterations at a time", async () => {
    const loader = new Loader(made, { batch: 7, shuffle: true });
    const run = async (epoch: number) => {
      const seen: number[] = [];
      for await (const { indices } of loader.epoch(epoch)) seen.push(...indices);
      return seen;
    };
    const [a, b] = await Promise.all([run(0), run(1)]);
    expect(a).toEqual([...loader.order(0)]);
    expect(b).toEqual([...loader.order(1)]);
    await loader.dispose();
  });

  test("can be left at any batch and used again", async () => {
    const loader = new Loader(made, { batch: 10 });
    for (let i = 0; i < 20; i++) {
      for await (const batch of loader.epoch(i)) {
        expect(batch.count).toBe(10);
        break;
      }
    }
    await loader.dispose();
  });

  test("refuses options that make no sense", () => {
    expect(() => new Loader(made, { batch: 0 })).toThrow(OptionError);
    expect(() => new Loader(made, { batch: 2.5 })).toThrow(OptionError);
    expect(() => new Loader(made, { batch: 2, prefetch: 0 })).toThrow(OptionError);
    expect(() => new Loader(made, { batch: 2, augment: [{ name: "x", values: {} }] })).toThrow(OptionError);
    expect(() => new Loader(made, { batch: 2, normalization: { mean: [0], std: [1] } })).toThrow(
      DatasetError,
    );
  });
});

describe("a loader in trouble", () => {
  test("throws what the set's reader throws, as a DatasetError, and can be iterated anew", async () => {
    let isBroken = true;
    const dataset: Dataset = {
      ...facts,
      normalization,
      length: 30,
      fingerprint: "",
      label: () => 0,
      read: async (index) => {
        if (isBroken && index === 25) throw new Error("disk on fire");
      },
    };
    const loader = new Loader(dataset, { batch: 10 });
    const seen: number[] = [];
    const run = async () => {
      for await (const batch of loader.epoch(0)) seen.push(batch.count);
    };
    await expect(run()).rejects.toThrow(DatasetError);
    expect(seen).toEqual([10, 10]);
    isBroken = false;
    await run();
    expect(seen).toEqual([10, 10, 10, 10, 10]);
  });

  test("that is disposed of ends its iterations with an error, and starts no more", async () => {
    for (const worker of [true, false]) {
      const loader = new Loader(made, { batch: 10, worker });
      const run = async () => {
        for await (const _ of loader.epoch(0)) await loader.dispose();
      };
      await expect(run()).rejects.toThrow(DatasetError);
      await expect(run()).rejects.toThrow("This loader was disposed of.");
    }
  });
});

// A process of its own: what is tested is that it ends.
const built = new URL("../../dist/data/index.js", import.meta.url);

test.skipIf(!existsSync(built))("a process ends by itself after an iteration that was left", async () => {
  const program = `
    import { DigitsDataset, Loader } from ${JSON.stringify(built.href)};
    const loader = new Loader(new DigitsDataset(), { batch: 64 });
    for await (const batch of loader.epoch(0)) { console.log(batch.images.length); break; }
    const iteration = loader.epoch(1);
    await iteration.next();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    timeout: 20_000,
  });
  expect(stdout.trim()).toBe(`${64 * 784}`);
});
