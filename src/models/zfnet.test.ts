import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { summarize } from "./summary.ts";
import { type ZFNetOptions, zfnet } from "./zfnet.ts";

const tableOf = (options: ZFNetOptions = {}) => summarize(build(zfnet(options), { input: [1, 224, 224, 3] }));

describe("zfnet", () => {
  it("has the maps of figure 3", () => {
    const { rows } = tableOf();
    const volumes = rows
      .filter(({ kind }) => ["conv2d", "maxPool2d", "linear"].includes(kind))
      .map(({ name, outputShape }) => [name.split(".").slice(1).join("."), outputShape]);
    expect(volumes).toEqual([
      ["stage1.unit1.conv", [110, 110, 96]],
      ["stage1.pool1", [55, 55, 96]],
      ["stage2.unit1.conv", [26, 26, 256]],
      ["stage2.pool2", [13, 13, 256]],
      ["stage3.unit1.conv", [13, 13, 384]],
      ["stage3.unit2.conv", [13, 13, 384]],
      ["stage3.unit3.conv", [13, 13, 256]],
      ["stage3.pool3", [6, 6, 256]],
      ["fc1.fc", [4096]],
      ["fc2.fc", [4096]],
      ["fc3", [1000]],
    ]);
  });

  it("has 62,357,608 parameters, and 107,627,624 with the 512, 1024 and 512 maps of Table 2", () => {
    expect(tableOf().totals).toMatchObject({ parameters: 62_357_608, macs: 1_168_032_896 });
    const wide = tableOf({ widths: [512, 1024, 512] });
    expect(wide.totals).toMatchObject({ parameters: 107_627_624, macs: 2_476_704_896 });
  });

  it("normalises what was pooled, as the paper, where it is told to", () => {
    const normalized = (options: ZFNetOptions) =>
      tableOf(options)
        .rows.filter(({ name }) => name.endsWith("norm"))
        .map(({ outputShape }) => outputShape);
    expect(normalized({})).toEqual([
      [110, 110, 96],
      [26, 26, 256],
    ]);
    expect(normalized({ order: "pool, norm", responseNorm: "paper" })).toEqual([
      [55, 55, 96],
      [13, 13, 256],
    ]);
  });

  it("refuses what it does not know", () => {
    expect(() => zfnet({ widths: [384, 384] as unknown as [number, number, number] })).toThrow(OptionError);
    expect(() => zfnet({ order: "norm" as "norm, pool" })).toThrow(OptionError);
    expect(() => zfnet({ responseNorm: "torch" as "paper" })).toThrow(
      "zfnet: responseNorm is torch, but must be one of paper, caffe, pytorchcv.",
    );
  });
});
