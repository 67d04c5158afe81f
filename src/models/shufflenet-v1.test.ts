import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type ShuffleNetV1Options, shufflenetV1 } from "./shufflenet-v1.ts";
import { summarize } from "./summary.ts";

const totalsOf = (options: ShuffleNetV1Options) =>
  summarize(build(shufflenetV1(options), { input: [1, 224, 224, 3] })).totals;

describe("shufflenetV1", () => {
  // Parameters are pytorchcv's. Table 1 has 143, 140, 137, 133 and 137 million multiply-adds; we count 134 and 138 in the last
  // two, as the authors' release does for 8 groups.
  it.each([
    [1, 1_531_936, 143_078_976],
    [2, 1_733_848, 140_836_512],
    [3, 1_865_728, 137_460_672],
    [4, 1_968_344, 134_339_776],
    [8, 2_434_768, 138_365_952],
  ] as const)("of %i groups has %i parameters and %i multiply-adds", (groups, parameters, macs) => {
    expect(totalsOf({ groups })).toMatchObject({ parameters, macs });
  });

  it.each([
    [1, 0.75, 975_214],
    [3, 0.75, 1_238_266],
    [1, 0.5, 534_484],
    [3, 0.5, 718_324],
    [1, 0.25, 209_746],
    [3, 0.25, 305_902],
  ] as const)("of %i groups and width %d has pytorchcv's %i parameters", (groups, width, parameters) => {
    expect(totalsOf({ groups, width }).parameters).toBe(parameters);
  });

  // Millions in the readme of the authors' release.
  it.each([
    [3, 0.5, 38, 0.7],
    [8, 0.5, 40, 1],
    [3, 1, 137, 1.9],
    [8, 1, 138, 2.4],
    [3, 1.5, 292, 3.4],
    [8, 1.5, 290, 4.3],
    [3, 2, 524, 5.4],
    [8, 2, 522, 6.5],
  ] as const)(
    "as released with %i groups and width %d has %i million multiply-adds and %d million parameters",
    (groups, width, macs, parameters) => {
      const totals = totalsOf({ groups, width, variant: "megvii" });
      // It prints 138 for 137.46.
      expect(Math.round(totals.macs / 1e6)).toBe(macs);
      expect(totals.parameters / 1e6).toBeCloseTo(parameters, 1);
    },
  );

  it("has the sizes of Table 1", () => {
    const network = build(shufflenetV1(), { input: [1, 224, 224, 3] });
    const places = ["init_block.conv", "init_block", "stage1", "stage2", "stage3", "final_pool"];
    expect(places.map((place) => network.tap(`features.${place}`).shape.slice(1))).toEqual([
      [112, 112, 24],
      [56, 56, 24],
      [28, 28, 240],
      [14, 14, 480],
      [7, 7, 960],
      [960],
    ]);
  });

  it("shuffles before the depthwise convolution in the paper, after it in the release", () => {
    const order = (variant: "paper" | "megvii", places: readonly string[]) => {
      const network = build(shufflenetV1({ variant }), { input: [1, 64, 64, 3] });
      return places.map((place) => network.tap(place).node?.operation.name);
    };
    const paper = ["c_shuffle", "dw_conv2"].map((part) => `features.stage1.unit2.${part}`);
    expect(order("paper", paper)).toEqual(["channelShuffle", "conv2d"]);
    const network = build(shufflenetV1(), { input: [1, 64, 64, 3] });
    expect(network.tap(paper[1]).node?.inputs.x).toBe(network.tap(paper[0]));
    expect(order("megvii", ["features.1.channel_shuffle"])).toEqual(["channelShuffle"]);
  });

  it("takes other sizes and classes", () => {
    for (const variant of ["paper", "megvii"] as const) {
      const network = build(shufflenetV1({ classes: 7, variant }), { input: [1, 65, 97, 3] });
      expect(network.outputs.logits.shape).toEqual([1, 7]);
    }
  });

  it("refuses what it does not know, and widths that groups do not divide", () => {
    expect(() => shufflenetV1({ groups: 5 as 4 })).toThrow(OptionError);
    expect(() => shufflenetV1({ width: 0 })).toThrow(OptionError);
    expect(() => shufflenetV1({ groups: 4, variant: "megvii" })).toThrow(
      'shufflenetV1: groups is 4, but must be 3 or 8 in the variant "megvii".',
    );
    expect(() => shufflenetV1({ width: 0.25, variant: "megvii" })).toThrow(
      "shufflenetV1: width is 0.25, but must be one of 0.5, 1, 1.5, 2.",
    );
    expect(() => shufflenetV1({ groups: 4, width: 0.5 })).toThrow(
      "shufflenetV1: width is 0.5, which makes Stage2 136 channels after 12: its units convolve 34, 136, 124 channels, and 4 " +
        "groups do not divide them all. Give another width or other groups: with one group every width goes.",
    );
  });
});
