import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { resnext } from "./resnext.ts";
import { summarize } from "./summary.ts";

describe("resnext", () => {
  // Counts of torchvision, which prints 16.414 billion for 32×8d; Table 1 of the paper has 25.0 million and 4.2 billion for 50 layers.
  it.each([
    [{ depth: 50 }, 25_028_904, 4_230_479_872],
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
