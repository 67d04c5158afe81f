import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomNumbers } from "../../test/gradients.ts";
import type { Engine } from "../engines/engine.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { wasmEngine } from "../engines/wasm/engine.ts";
import * as nn from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { createLearner } from "./compiled-learner.ts";
import type { LearnerOptions } from "./learner-options.ts";
import { sgd } from "./optimizer.ts";

const plain = nn.sequential({
  conv: nn.conv2d(4, 3, { padding: 1 }),
  relu: nn.relu(),
  pool: nn.maxPool2d(2),
  flatten: nn.flatten(),
  fc: nn.linear(3),
});
const withDropout = nn.sequential({ drop: nn.dropout(0.5), flatten: nn.flatten(), fc: nn.linear(3) });
const withBatchNorm = nn.sequential({ bn: nn.batchNorm2d(), flatten: nn.flatten(), fc: nn.linear(3) });

const batch = 7;
const images = Float32Array.from(randomNumbers(batch * 32, 1));
const labels = Float32Array.from({ length: batch }, (_, i) => i % 3);

const engines = [
  ["js", jsEngine],
  ["wasm", () => wasmEngine({ threads: 2 })],
] as const;

describe.each(engines)("a batch in parts on engine %s", (_, start) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(() => engine.dispose());

  async function trained(options: Partial<LearnerOptions>, steps = 3) {
    const learner = await createLearner({ model: plain, imageShape: [4, 4, 2], engine, seed: 2, ...options });
    const results = [];
    for (let step = 0; step < steps; step++) {
      const at = { step, learningRate: 0.1 };
      const { loss, logits, gradientNorm } = await learner.trainStep(images, labels, batch, at);
      results.push({ loss, logits: [...logits], gradientNorm });
    }
    const evaluated = await learner.evaluate(images, labels, batch);
    results.push({ ...evaluated, logits: [...evaluated.logits] });
    const state = learner.state();
    learner.dispose();
    return { results, state };
  }

  // 1 + 1 + …, 3 + 3 + 1, 4 + 3, and a part that holds all.
  it.each([1, 3, 4, 7])("trains as the whole batch does, up to rounding: parts of %i", async (microBatch) => {
    const optimizer = sgd({ momentum: 0.9, weightDecay: 1e-2, clipNorm: 0.5 });
    const whole = await trained({ optimizer });
    const parts = await trained({ optimizer, microBatch });
    for (const [step, { loss, logits, gradientNorm }] of whole.results.entries()) {
      const found = parts.results[step];
      expect(found.loss).toBeCloseTo(loss, 5);
      for (const [i, each] of logits.entries()) expect(found.logits[i]).toBeCloseTo(each, 5);
      if (step < 3) expect(found.gradientNorm).toBeCloseTo(gradientNorm, 5);
    }
    // What a checkpoint keeps is the same, sums of gradients are not in it.
    expect([...parts.state.keys()]).toEqual([...whole.state.keys()]);
    for (const [name, { data }] of whole.state)
      for (const [i, each] of data.entries()) expect(parts.state.get(name)?.data[i]).toBeCloseTo(each, 5);
  });

  it("draws dropout anew in each part", async () => {
    const learner = await createLearner({ model: withDropout, imageShape: [4, 4, 2], engine, microBatch: 1 });
    const same = new Float32Array(2 * 32).fill(1);
    const at = { step: 0, learningRate: 0 };
    const { logits } = await learner.trainStep(same, Float32Array.of(0, 0), 2, at);
    expect([...logits.subarray(0, 3)]).not.toEqual([...logits.subarray(3)]);
    learner.dispose();
  });

  it("moves the running statistics by each part", async () => {
    const learner = await createLearner({
      model: withBatchNorm,
      imageShape: [1, 2, 1],
      engine,
      microBatch: 2,
    });
    const at = { step: 0, learningRate: 0 };
    await learner.trainStep(Float32Array.of(1, 1, 3, 3, 10, 10, 30, 30), Float32Array.of(0, 1, 2, 0), 4, at);
    // Means 2 and 20, at a momentum of 0.1: 0.9 · 0.2 + 2.
    expect(learner.state().get("bn.running_mean")?.data[0]).toBeCloseTo(2.18, 6);
    learner.dispose();
  });

  it("does not look at what the sums hold from an earlier step", async () => {
    const learner = await createLearner({ model: plain, imageShape: [4, 4, 2], engine, microBatch: 4 });
    const restored = learner.state();
    const at = { step: 0, learningRate: 0.1 };
    const { loss } = await learner.trainStep(images, labels, batch, at);
    const after = learner.state();
    learner.restore(restored);
    await learner.trainStep(
      images.map(() => Number.NaN),
      labels,
      batch,
      at,
    );
    learner.restore(restored);
    expect((await learner.trainStep(images, labels, batch, at)).loss).toBe(loss);
    expect(learner.state()).toEqual(after);
    learner.dispose();
  });
});

it("refuses parts that are none, and plans of parts where there are none", async () => {
  const options = { model: plain, imageShape: [4, 4, 2], engine: jsEngine() } as const;
  for (const microBatch of [0, 1.5, Number.NaN])
    await expect(createLearner({ ...options, microBatch })).rejects.toThrow(OptionError);
  const learner = await createLearner(options);
  expect(() => learner.plan("update", 0)).toThrow("no plan to update: the learner has no microBatch");
});
