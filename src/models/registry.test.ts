import { describe, expect, it } from "vitest";
import { gradients } from "../graph/backward.ts";
import { orderOf } from "../graph/order.ts";
import { build } from "../nn/index.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { measuredModels } from "./accuracies.ts";
import { modelNamed, models, networkOf } from "./registry.ts";
import { summarize } from "./summary.ts";

describe.each(models)("$name", ({ input: image, classes, output, build: make }) => {
  const training = build(make(), { input: [2, ...image], training: true });
  const inference = build(make(), { input: [1, ...image] });

  const name = output === "image" ? "image" : "logits";
  const places = output === "classes" ? [] : image.slice(0, 2);

  it("gives logits for its classes, and for as many as are asked for", () => {
    expect(training.outputs[name].shape).toEqual([2, ...places, classes]);
    expect(inference.outputs[name].shape).toEqual([1, ...places, classes]);
    const other = build(make({ classes: 4 }), { input: [1, ...image] });
    expect(other.outputs[name].shape).toEqual([1, ...places, 4]);
  });

  it("has the same parameters and states in both forms, and updates every state in training", () => {
    const declared = ({ parameters, states }: typeof training) =>
      [...parameters, ...states].map(({ name, shape, kind }) => ({ name, shape, kind }));
    expect(declared(inference)).toEqual(declared(training));
    expect(inference.updates).toEqual([]);
    expect(new Set(training.updates.map(({ state }) => state))).toEqual(
      new Set(training.states.map(({ tensor }) => tensor)),
    );
  });

  it("has a gradient for every parameter", () => {
    const labels = input("labels", [2, ...places]);
    const loss = crossEntropy({ x: training.outputs[name], labels });
    const found = gradients(
      loss,
      training.parameters.map(({ tensor }) => tensor),
    );
    const without = training.parameters.filter((_, i) => found[i] === undefined).map(({ name }) => name);
    expect(without).toEqual([]);
  });

  it("has a table whose rows add up", () => {
    const { rows, totals } = summarize(inference);
    const total = (of: (row: (typeof rows)[number]) => number) => rows.reduce((sum, row) => sum + of(row), 0);
    expect(total((row) => row.parameters)).toBe(totals.parameters);
    expect(total((row) => row.macs)).toBe(totals.macs);
    expect(rows.every((row) => row.receptiveField !== undefined)).toBe(true);
    expect(summarize(build(make(), { input: [3, ...image] })).totals).toEqual(totals);
  });
});

const withHeads = models.flatMap(({ training, ...entry }) => (training ? [{ ...entry, training }] : []));

describe.each(withHeads)("$name as it is trained", ({ name, input: image, build: make, training: form }) => {
  const training = build(form.build({ classes: 3 }), { input: [2, ...image], training: true });

  it("has outputs beside the logits in training alone, and the parameters of the model among its own", () => {
    const inference = build(form.build({ classes: 3 }), { input: [1, ...image] });
    expect(Object.keys(training.outputs).length).toBeGreaterThan(1);
    for (const { shape } of Object.values(training.outputs)) expect(shape).toEqual([2, 3]);
    expect(Object.keys(inference.outputs)).toEqual(["logits"]);
    const named = (network: typeof training) => network.parameters.map((each) => each.name);
    expect(named(inference)).toEqual(named(training));
    const plain = named(build(make({ classes: 3 }), { input: [1, ...image] }));
    expect(named(training)).toEqual(expect.arrayContaining(plain));
  });

  it("has a loss that depends on every parameter", () => {
    const found = gradients(
      form.loss(training.outputs, input("labels", [2])),
      training.parameters.map(({ tensor }) => tensor),
    );
    expect(found.filter((each) => each === undefined)).toEqual([]);
  });

  it("is found by its options", () => {
    const { layers, loss } = networkOf(name, { classes: 3, auxiliary: true });
    expect(loss).toBe(form.loss);
    const outputs = build(layers, { input: [2, ...image], training: true }).outputs;
    expect(Object.keys(outputs)).toEqual(Object.keys(training.outputs));
    expect(networkOf(name, { classes: 3 }).loss).toBeUndefined();
  });
});

it("refuses to classify images with models that do not", () => {
  const refused = expect(() => networkOf("fcn8s", { classes: 3 }));
  refused.toThrow("fcn8s gives classes of pixels; what is wanted here tells the class of an image.");
});

it("refuses heads where a model has none", () => {
  const refused = expect(() => networkOf("lenet5", { classes: 3, auxiliary: true }));
  refused.toThrow(OptionError);
  refused.toThrow("lenet5 has no auxiliary heads to train with.");
});

it("builds the whole zoo with few tensors a parameter: no network is slow to look at", () => {
  const start = performance.now();
  const built = models.map(({ input: image, build: make }) => build(make(), { input: [1, ...image] }));
  const durationMs = performance.now() - start;
  const tensors = built.map(({ outputs }) => orderOf(Object.values(outputs)).length);
  // On a core of its own 2 s for 200 networks; what a test can count is what the time is made of.
  console.log(`${built.length} networks, ${sum(tensors)} tensors: built in ${Math.round(durationMs)} ms`);
  for (const [i, { parameters }] of built.entries())
    expect(tensors[i], models[i].name).toBeLessThan(6 * parameters.length + 20);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

describe("what is published of a model", () => {
  // What is fed with noise has no way of preparing pictures.
  it.each(models.filter(({ output }) => output !== "image"))(
    "$name: accuracies and preprocessing that can be",
    ({ input: image, preprocessing, published }) => {
      const { channels, cropFraction, mean, scale, std } = preprocessing;
      expect([mean.length, std.length]).toEqual([image[2], image[2]]);
      expect(channels === "grey").toBe(image[2] === 1);
      expect([1, 1 / 255]).toContain(scale);
      expect(cropFraction > 0 && cropFraction <= 1 && std.every((each) => each > 0)).toBe(true);
      for (const { data, top1, top5 = 100 } of published) {
        expect(top1 > 40 && top1 < top5 && top5 <= 100).toBe(true);
        expect(data).toBe(image[0] > 32 ? "ImageNet" : "CIFAR-10");
      }
    },
  );

  it("is of models that there are", () => {
    const names = new Set(models.map(({ name }) => name));
    expect(measuredModels.filter((name) => !names.has(name))).toEqual([]);
  });

  it("is an error turned to an accuracy without new digits", () => {
    expect(modelNamed("vgg11-lrn").published.map(({ top1, top5 }) => [top1, top5])).toEqual([[70.3, 89.5]]);
  });
});

describe("modelNamed", () => {
  it("reads names however they are written", () => {
    expect(modelNamed("cifar-resnet 20").name).toBe("cifar-resnet-20");
    expect(modelNamed(" LeNet5 ").name).toBe("lenet5");
    expect(modelNamed("ResNet-50").name).toBe("resnet50");
    expect(modelNamed("ShuffleNet v1").name).toBe("shufflenet-v1-g3");
    expect(modelNamed("shufflenet-v2").name).toBe("shufflenet-v2-x1-0");
    expect(modelNamed("squeezenet 1.1").name).toBe("squeezenet1-1");
    expect(modelNamed("preact_resnet_101_v1").name).toBe("preact-resnet101-v1");
  });

  it("lists near names when there is no such model", () => {
    expect(() => modelNamed("lennet5")).toThrow(OptionError);
    expect(() => modelNamed("lennet5")).toThrow(/Near names: lenet5/);
    expect(() => modelNamed("resnet")).toThrow(/resnet18/);
    expect(() => modelNamed("cifar-resnet")).toThrow(/cifar-resnet-20/);
    expect(() => modelNamed("squeezenet-1.2")).toThrow(/Near names: squeezenet1-/);
    expect(() => modelNamed("mobilenet-v1-1.0-224")).toThrow(/Near names: mobilenet-v1,/);
  });

  it("has every name once, in the form it looks for", () => {
    const names = models.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.map((name) => modelNamed(name).name)).toEqual(names);
  });
});
