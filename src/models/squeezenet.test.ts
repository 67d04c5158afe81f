import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { squeezenet } from "./squeezenet.ts";
import { summarize } from "./summary.ts";

describe("squeezenet", () => {
  // Parameters are torchvision's, which prints 0.819 and 0.349 billion operations. Table 1 has 1,248,424 for 1.0.
  it.each([
    ["1.0", 1_248_424, 818_924_576],
    ["1.1", 1_235_496, 349_151_936],
  ] as const)("%s has %i parameters and %i multiply-adds", (version, parameters, macs) => {
    const network = build(squeezenet({ version }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the parameters of Table 1, row by row", () => {
    const { parameters } = build(squeezenet(), { input: [1, 224, 224, 3] });
    const rows = {
      "features.0": 14_208,
      "features.3": 11_920,
      "features.4": 12_432,
      "features.5": 45_344,
      "features.7": 49_440,
      "features.8": 104_880,
      "features.9": 111_024,
      "features.10": 188_992,
      "features.12": 197_184,
      "classifier.1": 513_000,
    };
    for (const [place, count] of Object.entries(rows)) {
      const ours = parameters.filter(({ name }) => name.startsWith(`${place}.`));
      const found = ours.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      expect([place, found]).toEqual([place, count]);
    }
  });

  it("has the maps of Table 1 for its images of 224 pixels, but for the first layer's", () => {
    const network = build(squeezenet(), { input: [1, 224, 224, 3] });
    const edge = (place: string) => network.tap(place).shape[1];
    // The table has 111, which 7×7 at stride 2 gives without padding only from 227 pixels; torchvision's 109 pools to 54.
    expect(edge("features.0")).toBe(109);
    expect([edge("features.2"), edge("features.6"), edge("features.11")]).toEqual([54, 27, 13]);
  });

  it("takes other sizes and classes", () => {
    const network = build(squeezenet({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => squeezenet({ version: "1.2" as "1.1" })).toThrow(OptionError);
    expect(() => squeezenet({ dropout: 1 })).toThrow(OptionError);
  });
});
