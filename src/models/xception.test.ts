import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { summarize } from "./summary.ts";
import { xception } from "./xception.ts";

const network = build(xception(), { input: [1, 299, 299, 3] });

describe("xception", () => {
  it("has the 22,855,952 parameters of Table 3", () => {
    expect(summarize(network).totals).toMatchObject({ parameters: 22_855_952, macs: 8_357_403_496 });
  });

  it("has the sizes of figure 5", () => {
    const places = {
      conv1: [149, 149, 32],
      conv2: [147, 147, 64],
      block1: [74, 74, 128],
      block2: [37, 37, 256],
      block3: [19, 19, 728],
      block11: [19, 19, 728],
      block12: [10, 10, 1024],
      conv3: [10, 10, 1536],
      conv4: [10, 10, 2048],
      avgpool: [2048],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, network.tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  // Section 4: 36 convolutional layers in 14 modules, all but the first and the last with shortcuts around them.
  it("has 36 convolutional layers and 12 shortcuts", () => {
    const filters = network.parameters.filter(({ kind }) => kind === "filter").map(({ name }) => name);
    const layers = filters.filter((name) => !/skip|pointwise/.test(name));
    expect(layers.length).toBe(36);
    const sums = network.places.filter((place) => /^block\d+$/.test(place));
    expect(sums.length).toBe(12);
    expect(filters.filter((name) => name.includes("skip")).length).toBe(4);
  });

  it("takes other sizes", () => {
    const small = build(xception({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(small.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => xception({ classes: 0 })).toThrow(OptionError);
    expect(() => xception({ dropout: 1 })).toThrow(OptionError);
  });
});
