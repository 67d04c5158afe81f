import { describe, expect, it } from "vitest";
import { readTraining } from "../../test/golden/records.ts";
import { filledImages, filledParameters, publishedRecord, referenceShape } from "../../test/networks.ts";
import { evaluate } from "../engines/js/evaluate.ts";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { cifarResNet } from "./cifar-resnet.ts";
import { summarize } from "./summary.ts";

describe("cifarResNet", () => {
  it.each([
    [20, 269_722, 40_551_040],
    [32, 464_154, 68_862_592],
    [44, 658_586, 97_174_144],
    [56, 853_018, 125_485_696],
    [110, 1_727_962, 252_887_680],
  ])("of %i layers has %i parameters and %i multiply-adds", (depth, parameters, macs) => {
    const { totals } = summarize(build(cifarResNet({ depth }), { input: [1, 32, 32, 3] }));
    expect(totals.parameters).toBe(parameters);
    expect(totals.macs).toBe(macs);
  });

  it("of 1202 layers has the 19.4 million parameters of the paper", () => {
    const network = build(cifarResNet({ depth: 1202 }), { input: [1, 32, 32, 3] });
    expect(summarize(network).totals.parameters / 1e6).toBeCloseTo(19.4, 1);
  });

  it("refuses depths that are not 6n + 2", () => {
    expect(() => cifarResNet({ depth: 51 })).toThrow(OptionError);
    expect(() => cifarResNet({ depth: 2 })).toThrow(OptionError);
  });

  it("has the parameters of the recorded runs, and gives their logits in training form", () => {
    const record = readTraining("cifar-resnet-20");
    const [c, h, w] = record.imageShape;
    const network = build(cifarResNet(), { input: [record.batch, h, w, c], training: true });
    expect(network.parameters.map((each) => [each.name, referenceShape(each)])).toEqual(record.parameters);
    const feeds = filledParameters(network).set(
      network.inputs.x,
      filledImages("input.0", [record.batch, h, w, c]),
    );
    const [logits] = evaluate([network.outputs.logits], feeds);
    for (const [i, value] of (record.runs.sgd.float64.logits ?? []).entries())
      expect(logits[i]).toBeCloseTo(value, 5);
  });

  const published = publishedRecord("resnet20_cifar10");
  it.skipIf(published === undefined)("equals the published network, place by place", () => {
    if (published === undefined) return;
    const network = build(cifarResNet(), { input: [1, 32, 32, 3] });
    const declared = [...network.parameters, ...network.states].map((each) => [
      each.name,
      referenceShape(each),
    ]);
    expect(new Map(declared as [string, readonly number[]][])).toEqual(new Map(published.tensors));
    const { totals } = summarize(network);
    expect(totals).toMatchObject({ parameters: published.parameters, macs: published.macs });
    const feeds = filledParameters(network).set(network.inputs.x, filledImages("input", [1, 32, 32, 3]));
    const places = published.activations.map(([place]) => place);
    const values = evaluate(
      places.map((place) => network.tap(place)),
      feeds,
    );
    for (const [i, [place, , mean, std]] of published.activations.entries()) {
      const found = Array.from(values[i]).reduce((a, b) => a + b, 0) / values[i].length;
      expect(Math.abs(found - mean), place).toBeLessThan(1e-5 * std);
    }
    const logits = values[places.length - 1];
    for (const [i, value] of published.logits.entries())
      expect(Math.abs(logits[i] - value)).toBeLessThan(1e-5 * published.logits_mean_std[1]);
  });
});
