/** Weights of files put into networks: by name, turned, and refused as a whole where they do not fit. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { jsEngine } from "../engines/js/engine.ts";
import type { WritableTensor } from "../formats/safetensors.ts";
import * as nn from "../nn/index.ts";
import type { NamedTensors } from "../nn/network.ts";
import type { Tensor } from "../ops/operation.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { createLearner } from "./compiled-learner.ts";
import { auxiliaryOf, headOf, loadWeights, weightsFor } from "./weights.ts";
import { readWeights } from "./weights-file.ts";

/** The network of test/golden/pytorch-files/make.py. */
const net = (classes: number) =>
  nn.sequential({
    conv1: nn.conv2d(4, 2),
    bn1: nn.batchNorm2d(),
    avgpool: nn.globalAvgPool2d(),
    fc: nn.linear(classes),
  });
const imageShape = [5, 5, 3] as const;
const declared = (classes = 2) => {
  const { parameters, states } = nn.build(net(classes), { input: [1, ...imageShape] });
  return [...parameters, ...states];
};

const file = "training-zip.pt";
const path = fileURLToPath(new URL(`../../test/golden/pytorch-files/${file}`, import.meta.url));
const bytes = new Uint8Array(readFileSync(path));
const { tensors } = await readWeights(bytes, file);

/** The CheckpointError that a call ends in. */
function refusal(call: () => unknown): CheckpointError {
  try {
    call();
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("weights of a file", () => {
  test("of a linear layer over a whole map are those of the convolution that sees it, and the other way round", () => {
    const rows = nn.build(nn.sequential([nn.flatten(), nn.linear(2)]), { input: [1, 2, 3, 4] });
    const filters = nn.build(nn.sequential([nn.identity(), nn.conv2d(2, [2, 3])]), {
      input: [1, 2, 3, 4],
    });
    const numbers = Float32Array.from({ length: 48 }, (_, i) => i);
    const bias = ["1.bias", { shape: [2], data: new Float32Array(2) }] as const;
    const inFile = (shape: readonly number[]) =>
      new Map<string, WritableTensor>([["1.weight", { shape, data: numbers }], bias]);
    for (const { parameters } of [rows, filters]) {
      const [asMatrix, asFilter] = [
        [2, 24],
        [2, 4, 2, 3],
      ].map((shape) => weightsFor(parameters, inFile(shape)));
      expect(asMatrix).toEqual(asFilter);
      expect(asMatrix.get("1.weight")?.shape).toEqual(parameters[0].shape);
    }
    expect(() => weightsFor(rows.parameters, inFile([4, 2, 2, 3]))).toThrow(CheckpointError);
    expect(() => weightsFor(filters.parameters, inFile([3, 16]))).toThrow(
      /1.weight \[2, 4, 2, 3\] is \[3, 16\] there/,
    );
  });

  test("are found by name and turned to our layout, counters of batches left out", () => {
    const weights = weightsFor(declared(), tensors, { file });
    expect([...weights.keys()].sort()).toEqual(
      declared()
        .map(({ name }) => name)
        .sort(),
    );
    const filter = weights.get("conv1.weight");
    expect(filter).toMatchObject({ kind: "filter", shape: [2, 2, 3, 4] });
    // Element i of [k, c, r, s] has the value i: at r, s, c, k it is ((k·3 + c)·2 + r)·2 + s.
    const expected = [0, 1].flatMap((r) =>
      [0, 1].flatMap((s) => [0, 1, 2].flatMap((c) => [0, 1, 2, 3].map((k) => ((k * 3 + c) * 2 + r) * 2 + s))),
    );
    expect([...(filter?.data ?? [])]).toEqual(expected);
    expect(weights.get("fc.weight")).toMatchObject({ kind: "matrix", shape: [4, 2] });
    expect([...(weights.get("fc.weight")?.data ?? [])]).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
  });

  test("that do not fit are listed together: missing, of another shape, not in the model", () => {
    const changed = new Map<string, WritableTensor>(tensors);
    changed.delete("bn1.bias");
    changed.delete("conv1.bias");
    changed.set("extra.weight", { shape: [1], data: new Float32Array(1) });
    changed.set("conv1.weight", { shape: [4, 3, 3, 3], data: new Float32Array(108) });
    const { message, facts } = refusal(() => weightsFor(declared(), changed, { file }));
    expect(message).toBe(
      `${file}: does not fit the model: missing: conv1.bias [4], bn1.bias [4]; ` +
        "of another shape: conv1.weight [4, 3, 2, 2] is [4, 3, 3, 3] there; not in the model: extra.weight.",
    );
    expect(facts).toMatchObject({
      missing: ["conv1.bias", "bn1.bias"],
      misshapen: ["conv1.weight"],
      extra: ["extra.weight"],
    });
  });

  test("of another model are listed in part and counted", () => {
    const many = new Map<string, WritableTensor>(tensors);
    for (let i = 0; i < 40; i++) many.set(`block${i}.weight`, { shape: [1], data: new Float32Array(1) });
    expect(refusal(() => weightsFor(declared(), many)).message).toMatch(/block11\.weight, … \(40\)\.$/);
  });

  test("are found by other names where these are translated, once each", () => {
    const caffe = new Map([...tensors].map(([name, tensor]) => [name.replace("conv1", "c1"), tensor]));
    const rename = (name: string) => (name === "c1.bias" ? undefined : name.replace("c1", "conv1"));
    const { message } = refusal(() => weightsFor(declared(), caffe, { rename }));
    expect(message).toBe("the file: does not fit the model: missing: conv1.bias [4].");
    const { facts } = refusal(() => weightsFor(declared(), tensors, { rename: () => "fc.bias" }));
    expect(facts).toMatchObject({ missing: expect.arrayContaining(["fc.weight"]) });
    expect(refusal(() => weightsFor(declared(), tensors, { rename: () => "fc.bias" })).message).toContain(
      "there twice",
    );
  });

  test("for other classes are the body's alone, where the head may be new", () => {
    const head = headOf(net, imageShape);
    expect(head).toEqual(["fc.weight", "fc.bias"]);
    expect(refusal(() => weightsFor(declared(7), tensors)).message).toContain(
      "For other classes, make a new head",
    );
    const weights = weightsFor(declared(7), tensors, { head });
    expect(weights.size).toBe(declared().length - 2);
    expect(weights.has("fc.weight")).toBe(false);
    // A head that fits is taken.
    expect(weightsFor(declared(2), tensors, { head }).size).toBe(declared().length);
  });
});

test("auxiliary heads, which the training form alone has, may be missing", () => {
  const model: nn.Layer<NamedTensors> = (x, scope) => {
    const head = (name: string) => {
      const pooled: Tensor = scope.child(`${name}Pool`, nn.globalAvgPool2d(), x);
      return scope.child(name, nn.linear(2), pooled);
    };
    return scope.training ? { logits: head("fc"), aux: head("aux") } : { logits: head("fc") };
  };
  const optional = auxiliaryOf(model, imageShape);
  expect(optional).toEqual(["aux.weight", "aux.bias"]);
  const { parameters } = nn.build(model, { input: [1, ...imageShape], training: true });
  const array = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  const lean = new Map([
    ["fc.weight", array(2, 3)],
    ["fc.bias", array(2)],
  ]);
  expect(refusal(() => weightsFor(parameters, lean)).message).toContain(
    "missing: aux.weight [2, 3], aux.bias [2]",
  );
  expect([...weightsFor(parameters, lean, { optional }).keys()]).toEqual(["fc.weight", "fc.bias"]);
  const wrong = new Map([...lean, ["aux.bias", array(9)] as const]);
  expect(refusal(() => weightsFor(parameters, wrong, { optional })).message).toContain(
    "aux.bias [2] is [9] there",
  );
});

describe("a learner", () => {
  test("computes with the weights that were loaded, and keeps a new head's first values", async () => {
    const engine = jsEngine();
    const learner = await createLearner({ model: net(2), imageShape, engine, seed: 1 });
    expect(loadWeights(learner, tensors, { file })).toEqual([]);
    // Zeros through the convolution give its bias k; batch norm makes it (k − k)·k/√(k + ε) + k = k; then fc.
    const { logits } = await learner.evaluate(new Float32Array(75), new Float32Array(1), 1);
    expect([...logits]).toEqual([0 + 1 + 4 + 9, 0 + 5 + 12 + 21 + 1]);
    learner.dispose();

    const other = await createLearner({ model: net(3), imageShape, engine, seed: 1 });
    const before = other.state();
    const kept = loadWeights(other, tensors, { file, head: headOf(net, imageShape) });
    expect(kept).toEqual(["fc.weight", "fc.bias"]);
    expect(other.state().get("fc.weight")).toEqual(before.get("fc.weight"));
    expect(other.state().get("conv1.bias")?.data).toEqual(Float32Array.of(0, 1, 2, 3));
    other.dispose();
    engine.dispose();
  });
});
