import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { cifarPyramidNet, pyramidNet } from "./pyramidnet.ts";
import { summarize } from "./summary.ts";

describe("cifarPyramidNet", () => {
  // Counts are pytorchcv's; the millions of Table 4 are some hundredths less in every row.
  it.each([
    [110, 48, 1.7, 1_772_706],
    [110, 84, 3.8, 3_904_446],
    [110, 270, 28.3, 28_485_477],
    [164, 270, 27.0, 27_216_021],
    [200, 240, 26.6, 26_752_702],
    [236, 220, 26.8, 26_969_046],
    [272, 200, 26.0, 26_210_842],
  ])("of %i layers with α = %i has %d million parameters", (depth, alpha, millions, parameters) => {
    const network = build(cifarPyramidNet({ depth, alpha }), { input: [1, 32, 32, 3] });
    expect(summarize(network).totals.parameters).toBe(parameters);
    expect(parameters / 1e6 / millions).toBeGreaterThan(1);
    expect(parameters / 1e6 / millions).toBeLessThan(1.05);
    const weighted = network.parameters.filter(({ kind }) => kind !== "vector");
    expect(weighted.length).toBe(depth);
  });

  it("grows evenly from 16 channels to 16 + α", () => {
    const network = build(cifarPyramidNet({ depth: 20, alpha: 27 }), { input: [1, 32, 32, 3] });
    const channels = [1, 2, 3].flatMap((stage) =>
      [1, 2, 3].map((unit) => network.tap(`features.stage${stage}.unit${unit}`).shape[3]),
    );
    expect(channels).toEqual([19, 22, 25, 28, 31, 34, 37, 40, 43]);
  });

  it("has a norm at both ends of a unit and no ReLU before its first convolution", () => {
    const network = build(cifarPyramidNet({ depth: 8 }), { input: [1, 32, 32, 3] });
    const unit = network.places.filter((place) => place.startsWith("features.stage1.unit1."));
    expect(unit.map((place) => place.slice("features.stage1.unit1.".length))).toEqual(
      expect.arrayContaining([
        "body.conv1.bn",
        "body.conv1.conv",
        "body.conv2.activ",
        "body.conv2.conv",
        "bn",
      ]),
    );
    expect(unit.some((place) => place.endsWith("conv1.activ"))).toBe(false);
  });

  it("takes odd sizes, and refuses what it does not know", () => {
    const network = build(cifarPyramidNet({ depth: 20, classes: 7 }), { input: [1, 33, 21, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(() => cifarPyramidNet({ depth: 112 })).toThrow("depth is 112, but must be 6n + 2 in basic units");
    expect(() => cifarPyramidNet({ depth: 165 })).toThrow("must be 9n + 2 in bottleneck units");
    expect(() => cifarPyramidNet({ alpha: -1 })).toThrow("alpha is -1, but must be a number of at least 0");
    expect(() => cifarPyramidNet({ block: "wide" as "basic" })).toThrow(OptionError);
  });
});

describe("pyramidNet", () => {
  // 101 layers are pytorchcv's; the paper's Table 5 has 62.1 and 116.4 million for 200 layers.
  it.each([
    [101, 360, 42.5, 42_455_070],
    [200, 300, 62.1, 62_368_168],
    [200, 450, 116.4, 116_775_213],
  ] as const)(
    "of %i layers with α = %i has about %d million parameters",
    (depth, alpha, millions, parameters) => {
      const network = build(pyramidNet({ depth, alpha }), { input: [1, 224, 224, 3] });
      expect(summarize(network).totals.parameters).toBe(parameters);
      expect(Math.abs(parameters / 1e6 / millions - 1)).toBeLessThan(0.005);
    },
  );

  it("refuses what it does not know", () => {
    expect(() => pyramidNet({ depth: 50 as 101 })).toThrow(OptionError);
    expect(() => pyramidNet({ alpha: Number.NaN })).toThrow(OptionError);
  });
});
