import { expect, it } from "vitest";
import { readTraining } from "../../test/golden/records.ts";
import { filledImages, filledParameters, referenceShape } from "../../test/networks.ts";
import { evaluate } from "../engines/js/evaluate.ts";
import { build } from "../nn/index.ts";
import { mnistCnn } from "./mnist-cnn.ts";
import { summarize } from "./summary.ts";

it("mnistCnn has 29,034 parameters, named as recorded, and gives the recorded logits in training form", () => {
  const record = readTraining("mnist-cnn");
  const network = build(mnistCnn(), { input: [record.batch, 28, 28, 1], training: true });
  expect(summarize(network).totals.parameters).toBe(29_034);
  expect(network.parameters.map((each) => [each.name, referenceShape(each)])).toEqual(record.parameters);
  const feeds = filledParameters(network).set(
    network.inputs.x,
    filledImages("input.0", [record.batch, 28, 28, 1]),
  );
  const [logits] = evaluate([network.outputs.logits], feeds);
  for (const [i, value] of (record.runs.sgd.float64.logits ?? []).entries())
    expect(logits[i]).toBeCloseTo(value, 6);
});
