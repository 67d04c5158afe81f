/** Classifiers: opened from checkpoints and from published weights, the same answers as the network gives, and what cannot be told so. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsEngine } from "../engines/js/engine.ts";
import { type WritableTensor, writePyTorch, writeShards } from "../formats/index.ts";
import { writeFileAtomic } from "../formats/node.ts";
import { modelNamed } from "../models/registry.ts";
import { CheckpointError, DatasetError, OptionError, ShapeError } from "../tensor/errors.ts";
import { adoptWeights } from "../train/adopt-weights.ts";
import { encodeCheckpoint } from "../train/checkpoint.ts";
import { createLearner } from "../train/compiled-learner.ts";
import { toReferenceLayout } from "../train/layout.ts";
import { createClassifier, likeliest } from "./classifier.ts";
import { openClassifier } from "./node.ts";

const lenet5 = modelNamed("lenet5");
const engine = jsEngine();
const learner = await createLearner({ model: lenet5.build(), imageShape: lenet5.input, engine, seed: 5 });
const weights = new Map<string, WritableTensor>(
  [...learner.state()].map(([name, tensor]) => [name, toReferenceLayout(tensor, tensor.kind)]),
);
const { checkpoint } = adoptWeights(lenet5, weights);
/** A picture of grey steps, and another. */
const pixels = Uint8Array.from({ length: 2 * 784 }, (_, i) => (i < 784 ? i % 256 : (7 * i) % 256));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-classifier-"));
  await writeFileAtomic(join(folder, "last.safetensors"), await encodeCheckpoint(checkpoint));
  await writeFileAtomic(join(folder, "lenet5.pth"), writePyTorch(weights));
  await writeShards(weights, (name, bytes) => writeFileAtomic(join(folder, name), bytes), {
    shardBytes: 1e5,
  });
  const grey = { raw: { width: 28, height: 28, channels: 1 } } as const;
  for (const n of [0, 1])
    await sharp(pixels.subarray(784 * n, 784 * (n + 1)), grey)
      .png()
      .toFile(join(folder, `${n}.png`));
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

/** What the network itself gives for the pictures. */
async function expected() {
  const images = Float32Array.from(pixels, (byte) => (byte / 255 - 0.1307) / 0.3081);
  const { logits } = await learner.evaluate(images, new Float32Array(2), 2);
  return [0, 1].map((n) => likeliest(logits.subarray(10 * n, 10 * (n + 1)), [..."0123456789"], 5));
}

describe("a classifier", () => {
  test("names the likeliest classes of pixels, as softmax of the logits has them", async () => {
    const classifier = await createClassifier(checkpoint, { engine });
    const found = await classifier.classify(pixels);
    expect(found).toEqual(await expected());
    expect(found[0][0].probability).toBeGreaterThan(found[0][1].probability);
    const all = await classifier.classify(pixels, { top: 10 });
    expect(all[1].reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    await expect(classifier.classify(new Uint8Array(783))).rejects.toThrow(ShapeError);
    await expect(classifier.classify(new Uint8Array(783))).rejects.toThrow(
      "783 bytes are no whole number of images: the checkpoint takes images of 28×28×1, 784 bytes each.",
    );
    classifier.dispose();
  });

  test.each([
    ["last.safetensors", {}],
    ["lenet5.pth", { model: "lenet5" }],
    ["model.safetensors.index.json", { model: "lenet5" }],
    ["last.safetensors", { model: "LeNet5", batch: 1 }],
  ])("is opened from %s in one call, and reads pictures", async (file, options) => {
    const classifier = await openClassifier(join(folder, file), { ...options, engine });
    const found = await classifier.classifyFiles([join(folder, "0.png"), join(folder, "1.png")]);
    expect(found).toEqual(await expected());
    await expect(classifier.classifyFiles([join(folder, "lenet5.pth")])).rejects.toThrow(DatasetError);
    classifier.dispose();
  });

  test("has an engine of its own where none is given, and the names of classes that it is given", async () => {
    const labels = Array.from("0123456789", (digit) => `digit ${digit}`);
    const classifier = await openClassifier(join(folder, "last.safetensors"), { labels });
    const [[best]] = await classifier.classifyFiles([join(folder, "0.png")], { top: 1 });
    expect(best.class).toBe(`digit ${best.label}`);
    expect(best.probability).toBeCloseTo((await expected())[0][0].probability, 4);
    classifier.dispose();
  });

  test("is refused for weights of no model, of another, with too few names, or of no file", async () => {
    const open = (file: string, options: object = {}) =>
      openClassifier(join(folder, file), { engine, ...options });
    await expect(open("lenet5.pth")).rejects.toThrow(
      /lenet5\.pth: holds weights, but not whose they are.*--model/,
    );
    await expect(open("lenet5.pth", { model: "mnist-cnn" })).rejects.toThrow(
      /does not fit the model: missing/,
    );
    await expect(open("last.safetensors", { model: "alexnet" })).rejects.toThrow(
      /is a checkpoint of lenet5, not of alexnet/,
    );
    await expect(open("last.safetensors", { labels: ["a"] })).rejects.toThrow(OptionError);
    await expect(open("last.safetensors", { batch: 0 })).rejects.toThrow("batch is 0; it is a whole number");
    await expect(open("none.pth")).rejects.toThrow(CheckpointError);
  });

  test("says which of the shards is not there", async () => {
    const index = '{"weight_map":{"conv1.weight":"gone.safetensors"}}';
    await writeFile(join(folder, "broken.json"), index);
    await expect(openClassifier(join(folder, "broken.json"), { engine, model: "lenet5" })).rejects.toThrow(
      /gone\.safetensors: there is no such file/,
    );
  });
});
