import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gradients } from "../graph/backward.ts";
import { build } from "../nn/index.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { modelNamed, models } from "./registry.ts";
import { summarize } from "./summary.ts";

describe.each(models)("$name", ({ input: image, classes, build: make }) => {
  const training = build(make(), { input: [2, ...image], training: true });
  const inference = build(make(), { input: [1, ...image] });

  it("gives logits for its classes, and for as many as are asked for", () => {
    expect(training.outputs.logits.shape).toEqual([2, classes]);
    expect(inference.outputs.logits.shape).toEqual([1, classes]);
    const other = build(make({ classes: 3 }), { input: [1, ...image] });
    expect(other.outputs.logits.shape).toEqual([1, 3]);
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
    const labels = input("labels", [2]);
    const loss = crossEntropy({ x: training.outputs.logits, labels });
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

describe("docs/models.md", () => {
  const lines = readFileSync(new URL("../../docs/models.md", import.meta.url), "utf8").split("\n");
  const rows = lines.map((line) => line.split("|").map((cell) => cell.trim()));

  it.each(models)("lists $name with its counts", ({ name, input: image, build: make }) => {
    const { parameters, macs } = summarize(build(make(), { input: [1, ...image] })).totals;
    const [, , , ...cells] = rows.find(([, first]) => first === `\`${name}\``) ?? [];
    const counts = [parameters, macs].map((count) => count.toLocaleString("en-US"));
    expect(cells).toEqual([image.join("×"), ...counts, ""]);
  });
});

describe("modelNamed", () => {
  it("reads names however they are written", () => {
    expect(modelNamed("cifar-resnet 20").name).toBe("cifar-resnet-20");
    expect(modelNamed(" LeNet5 ").name).toBe("lenet5");
  });

  it("lists near names when there is no such model", () => {
    expect(() => modelNamed("lennet5")).toThrow(OptionError);
    expect(() => modelNamed("lennet5")).toThrow(/Near names: lenet5/);
    expect(() => modelNamed("resnet")).toThrow(/resnet18/);
    expect(() => modelNamed("cifar-resnet")).toThrow(/cifar-resnet-20/);
    expect(() => modelNamed("squeezenet-1.1")).toThrow(/Near names: squeezenet1-1/);
    expect(() => modelNamed("mobilenet-v1-1.0-224")).toThrow(/Near names: mobilenet-v1,/);
  });

  it("has every name once, in the form it looks for", () => {
    const names = models.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.map((name) => modelNamed(name).name)).toEqual(names);
  });
});
