import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { inceptionV4 } from "./inception-v4.ts";
import { summarize } from "./summary.ts";

const network = build(inceptionV4(), { input: [1, 299, 299, 3] });

describe("inceptionV4", () => {
  it("has as many parameters and multiply-adds as the authors' weights have", () => {
    expect(summarize(network).totals).toMatchObject({ parameters: 42_679_816, macs: 12_253_974_624 });
  });

  it("has the sizes of figures 3 and 9", () => {
    const places = {
      "features.0": [149, 149, 32],
      "features.1": [147, 147, 32],
      "features.2": [147, 147, 64],
      "features.3": [73, 73, 160],
      "features.4": [71, 71, 192],
      "features.5": [35, 35, 384],
      "features.9": [35, 35, 384],
      "features.10": [17, 17, 1024],
      "features.17": [17, 17, 1024],
      "features.18": [8, 8, 1536],
      "features.21": [8, 8, 1536],
      avg_pool: [1536],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, network.tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  it("has the filters of figures 4 to 6 in its paths", () => {
    const channels = (block: number, path: string) => network.tap(`features.${block}.${path}`).shape[3];
    expect([0, 1, 2, 3].map((i) => channels(6, `branch${i}`))).toEqual([96, 96, 96, 96]);
    expect([0, 1, 2, 3].map((i) => channels(11, `branch${i}`))).toEqual([384, 256, 256, 128]);
    const ends = ["branch0", "branch1_1a", "branch1_1b", "branch2_3a", "branch2_3b", "branch3"];
    expect(ends.map((end) => channels(19, end))).toEqual([256, 256, 256, 256, 256, 256]);
  });

  it("takes other sizes", () => {
    const small = build(inceptionV4({ classes: 7 }), { input: [1, 75, 107, 3] });
    expect(small.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => inceptionV4({ classes: 0 })).toThrow(OptionError);
    expect(() => inceptionV4({ dropout: 1 })).toThrow(OptionError);
  });
});
