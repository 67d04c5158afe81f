import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { summarize } from "./summary.ts";
import { type VggConfiguration, vgg } from "./vgg.ts";

const tableOf = (configuration: VggConfiguration, batchNorm = false) =>
  summarize(build(vgg({ configuration, batchNorm }), { input: [1, 224, 224, 3] }));

describe("vgg", () => {
  // Table 2 of the paper, and the counts of torchvision for A, B, D and E.
  it.each([
    ["A", 133, 132_863_336, 7_609_090_048],
    ["A-LRN", 133, 132_863_336, 7_609_090_048],
    ["B", 133, 133_047_848, 11_308_466_176],
    ["C", 134, 133_638_952, 11_770_888_192],
    ["D", 138, 138_357_544, 15_470_264_320],
    ["E", 144, 143_667_240, 19_632_062_464],
  ] as const)(
    "%s has the %i million parameters of the paper",
    (configuration, millions, parameters, macs) => {
      const { totals } = tableOf(configuration);
      expect(totals).toMatchObject({ parameters, macs });
      // A and A-LRN have 132.9 million, C has 133.6.
      expect(Math.round(parameters / 1e6)).toBe(millions);
    },
  );

  it.each([
    ["A", 132_868_840],
    ["B", 133_053_736],
    ["D", 138_365_992],
    ["E", 143_678_248],
  ] as const)("%s with batch norm has the %i parameters of torchvision's", (configuration, parameters) => {
    expect(tableOf(configuration, true).totals.parameters).toBe(parameters);
  });

  it("of 16 layers has the rows that lectures list", () => {
    // Parameters without biases, as the lectures have them: "conv3-64: 112k, 224×224×64 = 3.2M, params 1,728".
    const { rows } = tableOf("D");
    const weights = rows.filter((row) => row.parameters > 0);
    const biases = weights.map((row) => row.outputShape[row.outputShape.length - 1]);
    // biome-ignore format: as the lectures list them
    expect(weights.map((row, i) => row.parameters - biases[i])).toEqual([
      1_728, 36_864, 73_728, 147_456, 294_912, 589_824, 589_824, 1_179_648, 2_359_296, 2_359_296,
      2_359_296, 2_359_296, 2_359_296, 102_760_448, 16_777_216, 4_096_000,
    ]);
    const pools = rows.filter((row) => row.kind === "maxPool2d").map((row) => row.outputShape);
    expect(pools).toEqual([
      [112, 112, 64],
      [56, 56, 128],
      [28, 28, 256],
      [14, 14, 512],
      [7, 7, 512],
    ]);
  });

  it("takes other sizes and classes", () => {
    const network = build(vgg({ configuration: "A", classes: 7 }), { input: [1, 64, 64, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => vgg({ configuration: "F" as "E" })).toThrow(OptionError);
    expect(() => vgg({ configuration: "A-LRN", batchNorm: true })).toThrow(OptionError);
    expect(() => vgg({ classes: 0 })).toThrow(OptionError);
  });
});
