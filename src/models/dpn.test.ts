import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { dpn } from "./dpn.ts";
import { summarize } from "./summary.ts";

describe("dpn", () => {
  // Table 1 has 37.8, 61.7 and 79.5 million parameters and 6.5, 11.7 and 16.0 billion multiply-adds for 92, 98 and 131.
  it.each([
    [68, 12_611_602, 2_326_163_456],
    [92, 37_668_392, 6_501_684_224],
    [98, 61_570_728, 11_671_217_152],
    [107, 86_917_800, 18_298_764_288],
    [131, 79_254_504, 16_013_648_896],
  ] as const)("%i has %i parameters and %i multiply-adds", (depth, parameters, macs) => {
    const network = build(dpn({ depth }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("counts its convolutions and the last layer as depth, projections apart", () => {
    for (const depth of [68, 92, 98, 107, 131] as const) {
      const { parameters } = build(dpn({ depth }), { input: [1, 64, 64, 3] });
      const weighted = parameters.filter(({ name, kind }) => kind === "filter" && !name.includes("c1x1_w"));
      expect(weighted.length).toBe(depth);
    }
  });

  it("has the sizes of Table 1: residual channels, and dense ones that grow by k from 3k on", () => {
    const network = build(dpn({ depth: 92 }), { input: [1, 224, 224, 3] });
    const shapeIn = (block: string) => network.tap(`features.${block}.c1x1_a.bn`).shape.slice(1);
    expect([shapeIn("conv2_1"), shapeIn("conv2_2"), shapeIn("conv2_3")]).toEqual([
      [56, 56, 64],
      [56, 56, 256 + 3 * 16],
      [56, 56, 256 + 4 * 16],
    ]);
    expect(shapeIn("conv3_1")).toEqual([56, 56, 256 + 5 * 16]);
    expect(shapeIn("conv4_1")).toEqual([28, 28, 512 + 6 * 32]);
    expect(shapeIn("conv5_1")).toEqual([14, 14, 1024 + 22 * 24]);
    expect(network.tap("features").shape.slice(1)).toEqual([7, 7, 2048 + 5 * 128]);
  });

  it("ends blocks by one convolution for both paths or by one for each, at the same cost", () => {
    const counts = [false, true].map((splitPaths) => {
      const network = build(dpn({ depth: 68, splitPaths }), { input: [1, 64, 64, 3] });
      const names = network.parameters.map(({ name }) => name);
      const found = ["conv.weight", "1.weight", "2.weight"].filter((leaf) =>
        names.some((name) => name.startsWith("features.conv2_1.c1x1_c") && name.endsWith(leaf)),
      );
      return { found, totals: summarize(network).totals };
    });
    expect(counts[0].found).toEqual(["conv.weight"]);
    expect(counts[1].found).toEqual(["1.weight", "2.weight"]);
    const { parameters, macs } = counts[0].totals;
    expect(counts[1].totals).toMatchObject({ parameters, macs });
  });

  it("takes other sizes and classes", () => {
    const network = build(dpn({ classes: 7, depth: 68 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => dpn({ depth: 50 as 68 })).toThrow(OptionError);
    expect(() => dpn({ classes: 0 })).toThrow(OptionError);
  });
});
