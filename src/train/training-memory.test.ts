import { describe, expect, test } from "vitest";
import { jsEngine } from "../engines/js/engine.ts";
import { modelNamed } from "../models/registry.ts";
import { OptionError } from "../tensor/errors.ts";
import { createLearner } from "./compiled-learner.ts";
import { sgd } from "./optimizer.ts";
import { trainingMemory } from "./training-memory.ts";

const { build, input } = modelNamed("cifar-resnet-20");
const options = { model: build(), imageShape: input, optimizer: sgd({ momentum: 0.9 }) };

describe("trainingMemory", () => {
  test("is that of the plan that a learner trains by", async () => {
    const engine = jsEngine();
    const learner = await createLearner({ ...options, engine });
    const { workElements, preparedElements, state } = learner.plan("train", 8);
    expect(trainingMemory(options, 8)).toEqual({
      stateBytes: 4 * state.elements,
      workBytes: 4 * (workElements + preparedElements),
    });
    learner.dispose();
    engine.dispose();
  });

  test("grows with the batch, and shrinks with parts and with what is computed again", () => {
    const work = (count: number, more: object = {}) =>
      trainingMemory({ ...options, ...more }, count).workBytes;
    expect(work(16) / work(8)).toBeCloseTo(2, 0);
    expect(work(16, { recompute: "activations" })).toBeLessThan(0.8 * work(16));
    expect(work(16, { recompute: "blocks" })).toBeLessThan(work(16, { recompute: "activations" }));
    expect(work(16, { microBatch: 4 })).toBeLessThan(0.5 * work(16));
    // Velocity is as large as the parameters; sums of gradients are too.
    const state = (more: object) => trainingMemory({ ...options, ...more }, 4).stateBytes;
    expect(state({}) / state({ optimizer: sgd() })).toBeCloseTo(2, 1);
    expect(state({ microBatch: 2 }) / state({})).toBeCloseTo(1.5, 1);
    expect(() => state({ microBatch: 0 })).toThrow(OptionError);
  });
});
