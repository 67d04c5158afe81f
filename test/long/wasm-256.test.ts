/**
 * WebAssembly with vectors of 256 bits computes what it computes with 128, most often in all bits: a network learns a step on both, and is
 * evaluated. V8 joins vectors by an experimental flag, so this asks whether it does that right; in optimized code alone: `npm run test:node-24` has V8
 * make no other.
 */

import { beforeAll, describe, expect, test } from "vitest";
import { type WasmEngineOptions, wasmEngine } from "../../src/engines/wasm/engine.ts";
import { wasmFeatures } from "../../src/engines/wasm/features.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { createLearner } from "../../src/train/compiled-learner.ts";
import { sgd } from "../../src/train/optimizer.ts";

const { joinedVectors } = await wasmFeatures();
if (!joinedVectors)
  console.warn(
    `\n*** NODE ${process.versions.node} HAS NO WEBASSEMBLY VECTORS OF 256 BITS: their tests are SKIPPED. ***\n*** npm run test:node-24 runs them where there is AVX2. ***\n`,
  );

/** Name, and the side of the images. */
const networks = [
  ["lenet5", 28],
  ["cifar-resnet-20", 32],
  ["mobilenet-v1", 96],
  ["squeezenet1_1", 96],
  ["googlenet", 96],
  ["resnet18", 96],
  ["resnet50", 96],
  ["densenet121", 64],
  ["shufflenet-v2-x1-0", 64],
  ["efficientnet-b0", 64],
  ["mobilenet-v3-small", 64],
] as const;

/** Losses and logits of a step of training and of what comes after it, on images that are not of one value. */
async function learned(name: string, side: number, options: WasmEngineOptions): Promise<number[]> {
  const engine = await wasmEngine({ threads: 2, leastSharedWork: 0, ...options });
  const { build, input } = modelNamed(name);
  const imageShape = [side, side, input[2]] as const;
  const learner = await createLearner({
    model: build({ classes: 10 }),
    imageShape,
    engine,
    optimizer: sgd({ momentum: 0.9 }),
    seed: 3,
  });
  const images = Float32Array.from(
    { length: 2 * side * side * input[2] },
    (_, i) => ((i * 7919) % 1000) / 500 - 1,
  );
  const labels = new Float32Array([1, 2]);
  const trained = await learner.trainStep(images, labels, 2, { step: 0, learningRate: 0.01 });
  const numbers = [trained.loss, ...trained.logits];
  numbers.push(...(await learner.evaluate(images, labels, 2)).logits);
  learner.dispose();
  engine.dispose();
  return numbers;
}

describe.skipIf(!joinedVectors)("wasm-256", () => {
  const plain = new Map<string, number[]>();

  beforeAll(async () => {
    // All of them first: the flag that joins vectors is of the process.
    for (const [name, side] of networks) plain.set(name, await learned(name, side, {}));
  });

  test.each(networks)("computes what wasm does in %s", async (name, side) => {
    const numbers = plain.get(name) ?? [];
    expect(numbers.length).toBeGreaterThan(40);
    expect(numbers.every(Number.isFinite)).toBe(true);
    const joined = await learned(name, side, { vectors: 256 });
    // In ShuffleNet some sums are made in another order, so that they round in other places.
    const apart = joined.map((each, i) => Math.abs(each - numbers[i]) / Math.max(1, Math.abs(numbers[i])));
    expect(apart.filter((each) => !(each <= (name.startsWith("shufflenet") ? 1e-5 : 0)))).toEqual([]);
  });
});
