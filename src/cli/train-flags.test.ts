import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../train/checkpoint.ts";
import { trainingOptions } from "../train/options.ts";
import { initialProgress } from "../train/progress.ts";
import { optionsOf } from "./train-flags.ts";

const flags = { data: "digits" };
const before: Checkpoint = {
  version: "0.1.0",
  model: { name: "lenet5", options: { classes: 10 } },
  data: {
    name: "digits",
    fingerprint: "f",
    classes: [],
    normalization: { mean: [0], std: [1] },
    imageShape: [28, 28, 1],
  },
  training: trainingOptions({ epochs: 3, seed: 9, validation: 0, engine: "wasm" }),
  progress: initialProgress,
  state: new Map(),
};

describe("the options of a run", () => {
  test("are the model's recipe where nothing is given, and the defaults for a model without one", () => {
    expect(optionsOf("cifar-resnet-20", flags, undefined, false)).toMatchObject({
      epochs: 164,
      learningRate: 0.1,
      augment: "crop,flip",
      validation: 0.1,
    });
    expect(optionsOf("another", flags, undefined, false)).toEqual(trainingOptions());
  });

  test("are what was given over the recipe, also inside the optimizer", () => {
    const { epochs, optimizer } = optionsOf(
      "lenet5",
      { ...flags, epochs: 2, momentum: 0.5, clipNorm: 1 },
      undefined,
      false,
    );
    expect(epochs).toBe(2);
    expect(optimizer).toMatchObject({ momentum: 0.5, weightDecay: 5e-4, clipNorm: 1 });
  });

  test("are those of the run that goes on, so that --resume needs no other flag", () => {
    expect(optionsOf("lenet5", flags, before, true)).toEqual(before.training);
    expect(optionsOf("lenet5", { ...flags, seed: 2 }, before, true).seed).toBe(2);
  });

  test("validate with the data's own part where it has one and nothing else is asked for", () => {
    expect(optionsOf("lenet5", flags, undefined, true).validation).toBeNull();
    expect(optionsOf("lenet5", { ...flags, validation: 0.2 }, undefined, true).validation).toBe(0.2);
  });
});
