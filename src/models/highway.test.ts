import { describe, expect, it } from "vitest";
import { evaluate } from "../engines/js/evaluate.ts";
import { build, initialValues } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { size } from "../tensor/shape.ts";
import { highway, mnistHighway } from "./highway.ts";
import { summarize } from "./summary.ts";

describe("highway", () => {
  it.each([
    [19, 2.3, 2_256_838],
    [32, 1.25, 1_264_502],
  ] as const)(
    "of %i layers has about %d million parameters, as in Table 2",
    (depth, millions, parameters) => {
      const network = build(highway({ depth }), { input: [1, 32, 32, 3] });
      expect(summarize(network).totals.parameters).toBe(parameters);
      expect(Math.abs(parameters / 1e6 / millions - 1)).toBeLessThan(0.02);
      const states = network.parameters.filter(
        ({ name, kind }) => kind !== "vector" && !name.includes(".t."),
      );
      expect(states.length).toBe(depth);
    },
  );

  it("has a plain convolution where channels change, and highways after it", () => {
    const network = build(highway(), { input: [1, 32, 32, 3] });
    const plain = network.parameters.map(({ name }) => /^(conv\d+)\.weight$/.exec(name)?.[1]);
    expect(plain.filter((name) => name !== undefined)).toEqual(["conv1", "conv6", "conv12", "conv18"]);
    const shapes = ["conv5", "conv11", "conv17", "conv18"].map((place) => network.tap(place).shape.slice(1));
    expect(shapes).toEqual([
      [32, 32, 32],
      [16, 16, 80],
      [8, 8, 128],
      [8, 8, 100],
    ]);
  });

  it("alternates fields of 1×1 and 3×3 in 32 layers", () => {
    const { parameters } = build(highway({ depth: 32 }), { input: [1, 32, 32, 3] });
    const gates = parameters.filter(({ name }) => name.endsWith(".t.weight"));
    expect(gates.slice(0, 9).map(({ shape }) => shape[0])).toEqual([1, 3, 1, 3, 1, 3, 1, 3, 1]);
    expect(gates.length).toBe(27);
  });

  it("begins by carrying: a highway's output is nearly what came in", () => {
    const network = build(highway({ gateBias: -6 }), { input: [1, 8, 8, 3] });
    const initial = initialValues(network, 0);
    const feeds = new Map(
      network.parameters.map(({ name, tensor, shape }) => [
        tensor,
        initial.get(name) ?? new Float32Array(size(shape)),
      ]),
    );
    feeds.set(
      network.inputs.x,
      Float32Array.from({ length: 192 }, (_, i) => Math.sin(i)),
    );
    const [before, after] = evaluate([network.tap("relu1"), network.tap("conv2")], feeds);
    const largest = Math.max(...before);
    for (const [i, value] of before.entries())
      expect(Math.abs(after[i] - value)).toBeLessThan(0.02 * largest);
  });

  it("takes other sizes and classes, and refuses what it does not know", () => {
    const network = build(highway({ classes: 7 }), { input: [1, 40, 24, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(() => highway({ depth: 20 as 19 })).toThrow(OptionError);
    expect(() => highway({ dropout: 1 })).toThrow(OptionError);
  });
});

describe("mnistHighway", () => {
  it.each([
    [16, 39, 38_986],
    [32, 151, 151_690],
  ])("of width %i has the %i thousand parameters of Table 1", (width, thousands, parameters) => {
    const network = build(mnistHighway({ width }), { input: [1, 28, 28, 1] });
    expect(summarize(network).totals.parameters).toBe(parameters);
    expect(Math.abs(parameters / 1000 - thousands)).toBeLessThan(0.7);
    const sizes = ["s1-conv1", "pool1", "pool2", "pool3"].map((place) => network.tap(place).shape[1]);
    expect(sizes).toEqual([24, 12, 6, 3]);
  });

  it("refuses widths that are none", () => {
    expect(() => mnistHighway({ width: 0 })).toThrow(OptionError);
  });
});
