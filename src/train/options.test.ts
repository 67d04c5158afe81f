import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { models } from "../models/registry.ts";
import { OptionError } from "../tensor/index.ts";
import { sgd } from "./optimizer.ts";
import { trainingOptions } from "./options.ts";
import { recipeFor } from "./recipes.ts";
import { version } from "./version.ts";

describe("training options", () => {
  test.each([
    [{ epochs: 0 }, /epochs is 0; it must be a whole number, at least 1/],
    [{ batch: 1.5 }, /batch is 1\.5/],
    [{ microBatch: 0 }, /microBatch is 0; it must be a whole number, at least 1/],
    [{ learningRate: Number.NaN }, /learningRate is NaN/],
    [{ warmupEpochs: -1 }, /warmupEpochs is -1/],
    [{ labelSmoothing: 1 }, /labelSmoothing is 1; it must be at least 0 and less than 1/],
    [{ seed: 2 ** 32 }, /seed is 4294967296/],
    [{ validation: 1.5 }, /validation is 1\.5; it must be a count or a fraction below 1/],
    [{ limit: 0 }, /limit is 0/],
    [{ patience: 0 }, /patience is 0/],
    [{ minDelta: -0.1 }, /minDelta is -0\.1/],
    [{ schedule: "linear" }, /schedule "linear"/],
  ])("refuse %j", (options, message) => {
    expect(() => trainingOptions(options)).toThrow(OptionError);
    expect(() => trainingOptions(options)).toThrow(message);
  });

  test("write a schedule out, so that equal runs have equal options", () => {
    expect(trainingOptions({ schedule: "step:30" })).toEqual(trainingOptions({ schedule: "step:30:0.1" }));
  });
});

describe("optimizer options", () => {
  test.each([
    [{ momentum: 1 }, /momentum is 1/],
    [{ weightDecay: -1 }, /weightDecay is -1/],
    [{ clipNorm: 0 }, /clipNorm is 0/],
    [{ clipValue: -2 }, /clipValue is -2/],
    [{ nesterov: true }, /nesterov needs a momentum/],
    [{ nesterov: true, momentum: 0.9, rule: "alexnet" as const }, /the rule pytorch/],
  ])("refuse %j", (options, message) => expect(() => sgd(options)).toThrow(message));

  test("leave clipping out when it is off", () => {
    expect(sgd({ momentum: 0.9 })).toEqual({
      kind: "sgd",
      momentum: 0.9,
      nesterov: false,
      weightDecay: 0,
      rule: "pytorch",
    });
  });
});

describe("recipes", () => {
  test("are options that can be, for every model of the registry", () => {
    for (const { name } of models) trainingOptions(recipeFor(name));
    const cifar = models.filter(({ name }) => /^cifar-(resnet|plain)-\d+$/.test(name));
    expect(cifar.length).toBeGreaterThan(0);
    for (const { name } of cifar) {
      expect(recipeFor(name)).toMatchObject({ epochs: 164, schedule: "multistep:82,123:0.1" });
    }
  });

  test.each([
    ["cifar-resnet-110-stochastic", { epochs: 500, warmupEpochs: 1, schedule: "multistep:250,375:0.1" }],
    ["cifar-preact-resnet-20", { epochs: 164, warmupEpochs: 1 }],
    ["wrn-28-10-dropout", { epochs: 200, schedule: "multistep:60,120,160:0.2" }],
    ["cifar-densenet-bc-100-12", { epochs: 300, batch: 64 }],
    ["cifar-resnext-29-8x64d", { epochs: 300, batch: 128 }],
    ["cifar-pyramidnet-110-48", { epochs: 300 }],
    ["cifar-fractalnet-20", { epochs: 400, learningRate: 0.02 }],
    ["highway-19", { epochs: 400, learningRate: 0.025 }],
  ])("are those of the paper for %s", (model, recipe) => {
    expect(recipeFor(model)).toMatchObject(recipe);
  });

  test("warm up from 110 layers on, as the paper does", () => {
    expect(recipeFor("cifar-resnet-20").warmupEpochs).toBeUndefined();
    expect(recipeFor("cifar-resnet-110").warmupEpochs).toBe(1);
    expect(recipeFor("no-such-model")).toEqual({});
  });
});

test("the version that checkpoints name is the package's", () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect(JSON.parse(text)).toMatchObject({ version });
});
