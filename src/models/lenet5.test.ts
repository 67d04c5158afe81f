import { describe, expect, it } from "vitest";
import { readTraining } from "../../test/golden/records.ts";
import { filledImages, filledParameters, referenceShape } from "../../test/networks.ts";
import { evaluate } from "../engines/js/evaluate.ts";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { lenet5 } from "./lenet5.ts";
import { summarize } from "./summary.ts";

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

  it("refuses options that do not belong together", () => {
    expect(() => lenet5({ variant: "1998", pooling: "max" })).toThrow(OptionError);
    expect(() => lenet5({ activation: "swish" as "relu" })).toThrow("one of relu, tanh");
    expect(() => lenet5({ classes: 0 })).toThrow(OptionError);
  });
});
