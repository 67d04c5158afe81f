import { describe, expect, it } from "vitest";
import { fillLabels } from "../../test/golden/fill.ts";
import { readTraining } from "../../test/golden/records.ts";
import { randomNumbers } from "../../test/gradients.ts";
import { filledImages, filledParameters, referenceShape } from "../../test/networks.ts";
import { evaluate } from "../engines/js/evaluate.ts";
import { gradients } from "../graph/backward.ts";
import { build } from "../nn/index.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { slice } from "../ops/slice.ts";
import { sum } from "../ops/sum.ts";
import { OptionError } from "../tensor/errors.ts";
import { size } from "../tensor/shape.ts";
import { lenet5 } from "./lenet5.ts";
import { summarize } from "./summary.ts";

const numbers = (length: number) => randomNumbers(length, length);

describe("lenet5", () => {
  it.each([
    ["lenet5", lenet5()],
    ["lenet5-tanh", lenet5({ activation: "tanh", pooling: "average" })],
  ] as const)("%s has the recorded parameters and gives the recorded logits", (name, model) => {
    const record = readTraining(name);
    const network = build(model, { input: [1, 28, 28, 1], training: true });
    expect(network.parameters.map((each) => [each.name, referenceShape(each)])).toEqual(record.parameters);
    const feeds = filledParameters(network);
    feeds.set(network.inputs.x, filledImages("input.0", [1, 28, 28, 1]));
    const [logits] = evaluate([network.outputs.logits], feeds);
    const expected = record.runs.sgd.float64.logits ?? [];
    for (const [i, value] of expected.entries()) expect(logits[i]).toBeCloseTo(value, 6);
  });

  it.each([
    ["lenet5", lenet5()],
    ["lenet5-tanh", lenet5({ activation: "tanh", pooling: "average" })],
  ] as const)("%s has gradients of the recorded lengths", (name, model) => {
    const { batch, classes, runs } = readTraining(name);
    const network = build(model, { input: [batch, 28, 28, 1], training: true });
    const labels = input("labels", [batch]);
    const loss = crossEntropy({ x: network.outputs.logits, labels });
    const found = gradients(
      loss,
      network.parameters.map(({ tensor }) => tensor),
    ).filter((each) => each !== undefined);
    const feeds = filledParameters(network)
      .set(network.inputs.x, filledImages("input.0", [batch, 28, 28, 1]))
      .set(labels, fillLabels("labels.0", batch, classes));
    const [lossValue, ...values] = evaluate([loss, ...found], feeds);
    expect(lossValue[0]).toBeCloseTo(runs.sgd.float64.losses[0], 6);
    const norms = values.map((gradient) => Math.hypot(...gradient));
    for (const [i, norm] of (runs.sgd.float64.gradientNorms ?? []).entries())
      expect(norms[i] / norm).toBeCloseTo(1, 6);
  });

  it("has 61,706 parameters and 416,520 multiply-adds", () => {
    const { totals, rows } = summarize(build(lenet5(), { input: [2, 28, 28, 1] }));
    expect(totals.parameters).toBe(61_706);
    expect(totals.macs).toBe(28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10);
    expect(
      rows.filter((row) => row.parameters > 0).map((row) => [row.name, row.outputShape, row.parameters]),
    ).toEqual([
      ["conv1", [28, 28, 6], 156],
      ["conv2", [10, 10, 16], 2_416],
      ["fc1", [120], 48_120],
      ["fc2", [84], 10_164],
      ["fc3", [10], 850],
    ]);
  });

  it("of 1998 has the 60,000 parameters of the paper, row by row, and an output layer", () => {
    const network = build(lenet5({ variant: "1998" }), { input: [1, 28, 28, 1] });
    const { rows } = summarize(network);
    const parametersOf = (layer: string) =>
      rows.reduce(
        (total, { name, parameters }) => total + (name.split(".")[0] === layer ? parameters : 0),
        0,
      );
    const layers = { c1: 156, s2: 12, c3: 1_516, s4: 32, c5: 48_120, f6: 10_164, output: 850 };
    for (const [layer, parameters] of Object.entries(layers))
      expect([layer, parametersOf(layer)]).toEqual([layer, parameters]);
    expect(["c1", "s2", "c3", "s4", "c5", "f6"].map((place) => network.tap(place).shape.slice(1))).toEqual([
      [28, 28, 6],
      [14, 14, 6],
      [10, 10, 16],
      [5, 5, 16],
      [1, 1, 120],
      [84],
    ]);
  });

  it("of 1998 connects each map of C3 to the maps of S2 that Table I lists", () => {
    const network = build(lenet5({ variant: "1998" }), { input: [1, 28, 28, 1] });
    const [s2, c3] = [network.tap("squash2"), network.tap("c3")];
    const feeds = new Map<Tensor, ArrayLike<number>>();
    for (const { tensor, shape } of network.parameters) feeds.set(tensor, numbers(size(shape)));
    feeds.set(network.inputs.x, numbers(28 * 28));
    // biome-ignore format: Table I, a row for each map of S2
    const rows = [
      "X...XXX..XXXX.XX",
      "XX...XXX..XXXX.X",
      "XXX...XXX..X.XXX",
      ".XXX..XXXX..X.XX",
      "..XXX..XXXX.XX.X",
      "...XXX..XXXX.XXX",
    ];
    // Which maps of C3 the gradient of their sum at one place reaches, map by map of S2.
    const reached = Array.from({ length: 16 }, (_, map) => {
      const one = slice({ x: c3 }, { from: map, length: 1 });
      const [gradient] = gradients(sum({ x: one }, { axes: [0, 1, 2, 3] }), [s2]);
      if (gradient === undefined) throw new Error("C3 does not depend on S2");
      const [values] = evaluate([gradient], feeds);
      return rows.map((_, from) => values.some((value, i) => i % 6 === from && value !== 0));
    });
    expect(rows.map((_, from) => reached.map((maps) => (maps[from] ? "X" : ".")).join(""))).toEqual(rows);
  });

  it("of 1998 sums each 2×2, scales and shifts it", () => {
    const network = build(lenet5({ variant: "1998" }), { input: [1, 28, 28, 1] });
    const feeds = new Map<Tensor, ArrayLike<number>>();
    for (const { tensor, shape } of network.parameters) feeds.set(tensor, numbers(size(shape)));
    feeds.set(network.inputs.x, numbers(28 * 28));
    const [squashed, subsampled] = evaluate([network.tap("squash1"), network.tap("s2")], feeds);
    const vector = (name: string) => {
      const declared = network.parameters.find((each) => each.name === name);
      return declared === undefined ? [] : (feeds.get(declared.tensor) ?? []);
    };
    const at = (i: number, j: number, c: number) => squashed[(i * 28 + j) * 6 + c];
    const window = at(4, 6, 2) + at(4, 7, 2) + at(5, 6, 2) + at(5, 7, 2);
    const expected = window * vector("s2.weight")[2] + vector("s2.bias")[2];
    expect(subsampled[(2 * 14 + 3) * 6 + 2]).toBeCloseTo(expected, 12);
  });

  it("refuses options that do not belong together", () => {
    expect(() => lenet5({ variant: "1998", pooling: "max" })).toThrow(OptionError);
    expect(() => lenet5({ activation: "swish" as "relu" })).toThrow("one of relu, tanh");
    expect(() => lenet5({ classes: 0 })).toThrow(OptionError);
  });
});
