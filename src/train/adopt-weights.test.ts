/** Checkpoints made of published weights, under other names and for other classes; and the tables of those names. */

import { describe, expect, test } from "vitest";
import { modelNamed } from "../models/registry.ts";
import * as nn from "../nn/index.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { adoptWeights } from "./adopt-weights.ts";
import { referenceShape } from "./layout.ts";
import { namesOf, renamed, weightNames } from "./weight-names.ts";

/** What a model declares, as a file holds it: arrays of zeros under `rename` of their names. */
function fileOf(model: string, rename = (ours: string) => ours) {
  const { build, input } = modelNamed(model);
  const { parameters, states } = nn.build(build(), { input: [1, ...input] });
  return new Map(
    [...parameters, ...states].map(({ name, shape, kind }) => {
      const theirs = referenceShape(shape, kind);
      const data = new Float32Array(theirs.reduce((a, b) => a * b, 1));
      return [rename(name), { shape: theirs, data }] as const;
    }),
  );
}

const tables = weightNames.flatMap((names) => names.models.map((model) => [names.of, model, names] as const));

describe.each(tables)("the names of %s", (of, model, names) => {
  const theirs = (ours: string) => {
    const dot = ours.lastIndexOf(".");
    const found = names.layers.filter(([, layer]) => layer === ours.slice(0, dot));
    expect([ours, found.length]).toEqual([ours, 1]);
    return found[0][0] + ours.slice(dot);
  };
  const file = fileOf(model, theirs);

  test(`are those of every weight of ${model}, each once`, () => {
    const own = [...fileOf(model).keys()];
    const declared = own.map((name) => ({ name }));
    expect([...file.keys()].map((name) => renamed(names, name))).toEqual(own);
    expect(namesOf(model, declared, file.keys())).toBe(names);
    expect(namesOf(model, declared, own)).toBeUndefined();
  });

  // Of several models with the same names, the first is the smallest.
  test.runIf(model === names.models[0])(
    "are known from the file, and so is how pictures become inputs",
    () => {
      const adopted = adoptWeights(modelNamed(model), file);
      expect(adopted).toMatchObject({ namesOf: of, drawn: [] });
      const { data } = adopted.checkpoint;
      if (!of.startsWith("Caffe's")) {
        const { mean, std } = names.preprocessing ?? modelNamed(model).preprocessing;
        expect(data.normalization).toMatchObject({ mean, std });
        return;
      }
      expect(data.normalization).toMatchObject({ channels: "bgr", std: [1 / 255, 1 / 255, 1 / 255] });
      expect(data.normalization.mean.map((each) => 255 * each)).toEqual([104, 117, 123]);
      expect(data.imageShape[0] / (data.cropFraction ?? 1)).toBeCloseTo(256, 6);
    },
  );
});

describe("weights that are adopted", () => {
  const lenet5 = modelNamed("lenet5");
  const file = fileOf("lenet5");

  test("bring the preprocessing of the registry", () => {
    const { checkpoint, namesOf: of, parameters } = adoptWeights(lenet5, file);
    expect([of, parameters]).toEqual([null, 61_706]);
    const { mean, std } = lenet5.preprocessing;
    expect(checkpoint.data).toEqual({
      name: "unknown",
      fingerprint: "",
      classes: [..."0123456789"],
      normalization: { mean, std },
      imageShape: [28, 28, 1],
    });
  });

  test("keep their body for other classes when they may, and are refused when not", () => {
    const data = { classes: ["ant", "bee"] };
    expect(() => adoptWeights(lenet5, file, { data })).toThrow(CheckpointError);
    expect(() => adoptWeights(lenet5, file, { data })).toThrow(
      /fc3\.weight \[2, 84\] is \[10, 84\] there.*--new-head/,
    );
    const { checkpoint, drawn } = adoptWeights(lenet5, file, { data, newHead: true });
    expect(drawn).toEqual(["fc3.weight", "fc3.bias"]);
    expect(checkpoint.model.options).toEqual({ classes: 2 });
    expect(checkpoint.state.get("fc3.weight")?.shape).toEqual([84, 2]);
    expect(checkpoint.state.get("fc3.weight")?.data.some((value) => value !== 0)).toBe(true);
  });

  test("are taken without the heads that only training has, whoever wrote them", () => {
    const { build, input, training } = modelNamed("googlenet");
    if (training === undefined) throw new Error("googlenet has heads");
    const { parameters } = nn.build(training.build(), { input: [2, ...input], training: true });
    const names = parameters.map(({ name }) => name);
    const heads = new Map(
      parameters
        .filter(({ name }) => name.startsWith("aux"))
        .map(({ name, shape, kind }) => {
          const theirs = referenceShape(shape, kind);
          return [
            name,
            { shape: theirs, data: new Float32Array(theirs.reduce((a, b) => a * b, 1)) },
          ] as const;
        }),
    );
    const file = new Map([...fileOf("googlenet"), ...heads]);
    const adopted = adoptWeights(modelNamed("googlenet"), file);
    expect(adopted.leftOut).toEqual(names.filter((name) => name.startsWith("aux")));
    expect([...adopted.checkpoint.state.keys()]).toEqual(
      nn.build(build(), { input: [1, ...input] }).parameters.map(({ name }) => name),
    );
  });

  test("keep what their file says of its pictures, and its whole picture where it says nothing of a crop", () => {
    const resnet = modelNamed("resnet18");
    expect(adoptWeights(resnet, fileOf("resnet18")).checkpoint.data.cropFraction).toBe(0.875);
    const normalization = { mean: [0.1, 0.2, 0.3], std: [1, 2, 3], channels: "bgr" } as const;
    const { data } = adoptWeights(resnet, fileOf("resnet18"), { data: { normalization } }).checkpoint;
    expect(data.normalization).toEqual(normalization);
    expect(data.cropFraction).toBeUndefined();
  });

  test.each([44, 56, 110])("are those of a ResNet for CIFAR of %i layers too", (depth) => {
    const deep = fileOf(`cifar-resnet-${depth}`);
    const { checkpoint, drawn } = adoptWeights(modelNamed(`cifar-resnet-${depth}`), deep);
    expect(drawn).toEqual([]);
    const last = `layer3.${(depth - 2) / 6 - 1}.conv2.weight`;
    expect(checkpoint.state.get(last)?.shape).toEqual([3, 3, 64, 64]);
    expect(() => adoptWeights(modelNamed("cifar-resnet-20"), deep)).toThrow(/not in the model: layer1\.3/);
  });
});
