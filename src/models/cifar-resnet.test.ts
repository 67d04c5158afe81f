import { describe, expect, it } from "vitest";
import { readTraining } from "../../test/golden/records.ts";
import { filledImages, filledParameters, publishedRecord, referenceShape } from "../../test/networks.ts";
import { evaluate } from "../engines/js/evaluate.ts";
import { orderOf } from "../graph/order.ts";
import { build, type Network } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type CifarResNetOptions, cifarResNet } from "./cifar-resnet.ts";
import { summarize } from "./summary.ts";

const networkOf = (options: CifarResNetOptions) => build(cifarResNet(options), { input: [1, 32, 32, 3] });
const totalsOf = (options: CifarResNetOptions) => summarize(networkOf(options)).totals;

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

  it("has projections where channels change in option B, in every block in option C", () => {
    const parametersOf = (shortcuts: "A" | "B" | "C") => totalsOf({ shortcuts }).parameters;
    // A projection from 16 to 32 channels, and from 32 to 64, each with the two vectors of its norm.
    const b = 16 * 32 + 2 * 32 + (32 * 64 + 2 * 64);
    expect(parametersOf("B") - parametersOf("A")).toBe(b);
    const others = [16, 16, 16, 32, 32, 64, 64];
    const c = others.reduce((sum, width) => sum + width * width + 2 * width, 0);
    expect(parametersOf("C") - parametersOf("B")).toBe(c);
  });

  it.each([20, 32, 44, 56])("without shortcuts is the plain network of %i layers", (depth) => {
    expect(totalsOf({ depth, residual: false })).toEqual(totalsOf({ depth }));
    const names = ({ parameters }: Network) => parameters.map(({ name }) => name);
    expect(names(networkOf({ depth, residual: false }))).toEqual(names(networkOf({ depth })));
  });

  it("with stochastic depth drops blocks ever more often towards the end, and weighs them at inference", () => {
    const model = cifarResNet({ depth: 56, stochasticDepth: { survival: 0.5 } });
    const attributesOf = (training: boolean, operation: string) =>
      orderOf([build(model, { input: [2, 8, 8, 3], training }).outputs.logits])
        .map(({ node }) => node)
        .filter((node) => node?.operation.name === operation)
        .map((node) => node?.attributes as { probability: number; stream: number; factor: number });
    const dropped = attributesOf(true, "batchDropout");
    const linear = Array.from({ length: 27 }, (_, i) => (0.5 * (i + 1)) / 27);
    expect(dropped.map(({ probability }) => probability)).toEqual(
      linear.map((each) => expect.closeTo(each, 12)),
    );
    expect(new Set(dropped.map(({ stream }) => stream)).size).toBe(27);
    expect(attributesOf(false, "batchDropout")).toEqual([]);
    expect(attributesOf(false, "scale").map(({ factor }) => factor)).toEqual(
      linear.map((each) => expect.closeTo(1 - each, 12)),
    );
  });

  it("refuses depths that are not 6n + 2, and what it does not know", () => {
    expect(() => cifarResNet({ depth: 51 })).toThrow(OptionError);
    expect(() => cifarResNet({ depth: 2 })).toThrow(OptionError);
    expect(() => cifarResNet({ shortcuts: "D" as "C" })).toThrow(OptionError);
    const stochasticDepth = { survival: 0.5 };
    expect(() => cifarResNet({ residual: false, stochasticDepth })).toThrow("plain networks have no");
    expect(() => cifarResNet({ stochasticDepth: { survival: 2 } })).toThrow("survival is 2");
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
