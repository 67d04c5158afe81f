import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { inceptionResNet } from "./inception-resnet.ts";
import { summarize } from "./summary.ts";

const networks = ([1, 2] as const).map((version) =>
  build(inceptionResNet({ version }), { input: [1, 299, 299, 3] }),
);

describe("inceptionResNet", () => {
  it.each([
    [1, 23_995_624, 6_308_235_360],
    [2, 55_843_464, 13_155_794_016],
  ])("version %i has %i parameters and %i multiply-adds", (version, parameters, macs) => {
    expect(summarize(networks[version - 1]).totals).toMatchObject({ parameters, macs });
  });

  it("version 1 has the sizes of figures 14 and 15", () => {
    const places = {
      conv2d_2b: [147, 147, 64],
      maxpool_3a: [73, 73, 64],
      conv2d_4a: [71, 71, 192],
      conv2d_4b: [35, 35, 256],
      "repeat_1.4": [35, 35, 256],
      mixed_6a: [17, 17, 896],
      "repeat_2.9": [17, 17, 896],
      mixed_7a: [8, 8, 1792],
      block8: [8, 8, 1792],
      avgpool_1a: [1792],
      last_linear: [512],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, networks[0].tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  // The widths of the authors' code: the paper's figures have 384, 1154 and 2048 channels.
  it("version 2 has the sizes of the network that its authors released", () => {
    const places = {
      maxpool_5a: [35, 35, 192],
      mixed_5b: [35, 35, 320],
      "repeat.9": [35, 35, 320],
      mixed_6a: [17, 17, 1088],
      "repeat_1.19": [17, 17, 1088],
      mixed_7a: [8, 8, 2080],
      block8: [8, 8, 2080],
      conv2d_7b: [8, 8, 1536],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, networks[1].tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  it("version 1 without an embedding ends as the paper does", () => {
    const network = build(inceptionResNet({ version: 1, embedding: 0 }), { input: [1, 299, 299, 3] });
    const names = network.parameters.slice(-2).map(({ name, shape }) => [name, shape]);
    expect(names).toEqual([
      ["last_linear.weight", [1792, 1000]],
      ["last_linear.bias", [1000]],
    ]);
  });

  it("takes other sizes", () => {
    for (const version of [1, 2] as const) {
      const network = build(inceptionResNet({ version, classes: 7 }), { input: [1, 75, 107, 3] });
      expect(network.outputs.logits.shape).toEqual([1, 7]);
    }
  });

  it("refuses what it does not know", () => {
    expect(() => inceptionResNet({ version: 3 as 2 })).toThrow(OptionError);
    expect(() => inceptionResNet({ version: 1, embedding: -1 })).toThrow(OptionError);
    expect(() => inceptionResNet({ dropout: 1 })).toThrow(OptionError);
  });
});
