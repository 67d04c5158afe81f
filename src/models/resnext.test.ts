import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { cifarResNeXt, resnext } from "./resnext.ts";
import { summarize } from "./summary.ts";

describe("resnext", () => {
  // Counts of torchvision, which prints 16.414 billion for 32×8d; Table 1 of the paper has 25.0 million and 4.2 billion for 50 layers.
  it.each([
    [{ depth: 50 }, 25_028_904, 4_230_479_872],
    [{ depth: 101 }, 44_177_704, 7_969_996_800],
    [{ depth: 101, bottleneckWidth: 8 }, 88_791_336, 16_414_015_488],
    [{ depth: 101, cardinality: 64 }, 83_455_272, 15_460_270_080],
  ] as const)("%o has %i parameters and %i multiply-adds", (options, parameters, macs) => {
    const network = build(resnext(options), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the 70k parameters of section 3.3 in a block, for all rows of Table 2", () => {
    const rows = [
      { cardinality: 1, bottleneckWidth: 64 },
      { cardinality: 2, bottleneckWidth: 40 },
      { cardinality: 4, bottleneckWidth: 24 },
      { cardinality: 8, bottleneckWidth: 14 },
      { cardinality: 32, bottleneckWidth: 4 },
    ];
    for (const options of rows) {
      const { parameters } = build(resnext(options), { input: [1, 64, 64, 3] });
      const weights = parameters.filter(({ name }) => /^layer1\.1\.conv\d\.weight$/.test(name));
      const count = weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      expect(Math.abs(count / 70_000 - 1), JSON.stringify(options)).toBeLessThan(0.03);
    }
  });

  it("refuses what it does not know", () => {
    expect(() => resnext({ depth: 34 as 50 })).toThrow(OptionError);
    expect(() => resnext({ cardinality: 0 })).toThrow(OptionError);
    expect(() => resnext({ bottleneckWidth: 1.5 })).toThrow(OptionError);
  });
});

describe("cifarResNeXt", () => {
  // Millions are those of Table 7, counts pytorchcv's for 32×4d and 16×64d.
  it.each([
    [{ cardinality: 8, bottleneckWidth: 64 }, 34.4, 34_426_698],
    [{ cardinality: 16, bottleneckWidth: 64 }, 68.1, 68_155_210],
    [{ cardinality: 32, bottleneckWidth: 4 }, 4.8, 4_775_754],
  ])("%o has %d million parameters", (options, millions, parameters) => {
    const network = build(cifarResNeXt(options), { input: [1, 32, 32, 3] });
    expect(summarize(network).totals.parameters).toBe(parameters);
    expect(Math.abs(parameters / 1e6 - millions)).toBeLessThan(0.06);
    const sizes = ["conv1", "layer1", "layer2", "layer3"].map((place) => network.tap(place).shape.slice(1));
    expect(sizes).toEqual([
      [32, 32, 64],
      [32, 32, 256],
      [16, 16, 512],
      [8, 8, 1024],
    ]);
  });

  it("refuses what it does not know", () => {
    expect(() => cifarResNeXt({ depth: 30 })).toThrow("depth is 30, but must be 9n + 2, such as 20 or 29.");
    expect(() => cifarResNeXt({ cardinality: 0 })).toThrow(OptionError);
    expect(() => cifarResNeXt({ bottleneckWidth: 1.5 })).toThrow(OptionError);
  });
});
