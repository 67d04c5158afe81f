import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type CnnFMSOptions, cnnFMS } from "./cnn-fms.ts";
import { summarize } from "./summary.ts";

const tableOf = (options: CnnFMSOptions) => summarize(build(cnnFMS(options), { input: [1, 224, 224, 3] }));

describe("cnnFMS", () => {
  // Maps after each convolution and after each pooling of Table 1, as the lectures list its rows.
  it.each([
    ["F", [54, 27, 13, 13, 13], [64, 256, 256, 256, 256], [27, 13, 6], 2],
    ["M", [109, 26, 13, 13, 13], [96, 256, 512, 512, 512], [54, 13, 6], 2],
    ["S", [109, 33, 17, 17, 17], [96, 256, 512, 512, 512], [37, 17, 6], 1],
  ] as const)("CNN-%s has the layers of Table 1", (network, edges, channels, pooled, norms) => {
    const { rows } = tableOf({ network });
    const of = (kind: string) => rows.filter((row) => row.kind === kind).map((row) => row.outputShape);
    expect(of("conv2d")).toEqual(edges.map((edge, i) => [edge, edge, channels[i]]));
    expect(of("maxPool2d").map(([h]) => h)).toEqual(pooled);
    expect(of("linear")).toEqual([[4096], [4096], [1000]]);
    expect(rows.filter(({ name }) => name.startsWith("norm")).length).toBe(norms);
  });

  it.each([
    [{ network: "F" }, 60_834_536, 724_005_632],
    [{ network: "M" }, 102_908_520, 1_676_172_320],
    [{ network: "S" }, 102_908_520, 2_637_708_320],
    [{ features: 2048 }, 92_469_864, 1_665_735_712],
    [{ features: 1024 }, 87_250_536, 1_660_517_408],
    [{ features: 128 }, 82_683_624, 1_655_951_392],
  ] as const)("%o has %i parameters and %i multiply-adds", (options, parameters, macs) => {
    expect(tableOf(options).totals).toMatchObject({ parameters, macs });
  });

  it("pads conv2 of CNN-S as Table 1 prints it, where it is told to", () => {
    const { rows } = tableOf({ network: "S", variant: "paper" });
    const row = (name: string) => rows.find((each) => each.name === name)?.outputShape;
    expect([row("conv2"), row("pool5")]).toEqual([
      [35, 35, 256],
      [6, 6, 512],
    ]);
  });

  it("refuses what it does not know", () => {
    expect(() => cnnFMS({ network: "L" as "M" })).toThrow(OptionError);
    expect(() => cnnFMS({ features: 0 })).toThrow(OptionError);
    expect(() => cnnFMS({ variant: "v2" as "paper" })).toThrow(OptionError);
  });
});
