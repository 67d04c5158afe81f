import { describe, expect, it } from "vitest";
import { publishedRecord, referenceShape } from "../../test/networks.ts";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { alexnet } from "./alexnet.ts";
import { summarize } from "./summary.ts";

describe("alexnet", () => {
  const published = publishedRecord("alexnet");
  it.skipIf(published === undefined)("has the names, shapes and counts of torchvision's", () => {
    if (published === undefined) return;
    const network = build(alexnet(), { input: [1, 224, 224, 3] });
    expect(network.parameters.map((each) => [each.name, referenceShape(each)])).toEqual(published.tensors);
    const { parameters, macs } = published;
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
    for (const [place, [, ...shape]] of published.activations) {
      const [h, w, c] = network.tap(place).shape.slice(1);
      expect([place, shape]).toEqual([place, c === undefined ? [h] : [c, h, w]]);
    }
  });

  it("has 61,100,840 parameters and 714,188,480 multiply-adds in one tower", () => {
    const { totals } = summarize(build(alexnet(), { input: [1, 224, 224, 3] }));
    expect(totals).toMatchObject({ parameters: 61_100_840, macs: 714_188_480 });
  });

  it("takes smaller and larger images whose last maps are tiled by 6×6, or tile it", () => {
    for (const edge of [64, 415]) {
      const network = build(alexnet({ classes: 7 }), { input: [1, edge, edge, 3] });
      expect(network.tap("avgpool").shape).toEqual([1, 6, 6, 256]);
      expect(network.outputs.logits.shape).toEqual([1, 7]);
    }
  });

  it("refuses what it does not know", () => {
    expect(() => alexnet({ variant: "3gpu" as "2gpu" })).toThrow(OptionError);
    expect(() => alexnet({ dropout: 1 })).toThrow(OptionError);
    expect(() => alexnet({ variant: "2gpu", order: "pool" as "pool, norm" })).toThrow(OptionError);
    expect(() => alexnet({ responseNorm: "paper" })).toThrow(/one tower has no normalisation/);
  });
});

describe("alexnet of the paper", () => {
  const { rows, totals } = summarize(build(alexnet({ variant: "2gpu" }), { input: [1, 227, 227, 3] }));
  const row = (name: string) => rows.find((each) => each.name === name);

  it("has the volumes of the lectures' table", () => {
    const volumes = {
      conv1: [55, 55, 96],
      pool1: [27, 27, 96],
      conv2: [27, 27, 256],
      pool2: [13, 13, 256],
      conv3: [13, 13, 384],
      conv4: [13, 13, 384],
      conv5: [13, 13, 256],
      pool5: [6, 6, 256],
      fc6: [4096],
      fc7: [4096],
      fc8: [1000],
    };
    for (const [name, volume] of Object.entries(volumes))
      expect([name, row(name)?.outputShape]).toEqual([name, volume]);
  });

  it("has the neurons that section 3.5 lists, but for those of conv1", () => {
    const layers = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"];
    const neurons = layers.map((name) => row(name)?.outputShape.reduce((a, b) => a * b, 1));
    // The paper's list begins with 253,440 for conv1, which is no number of 96 maps; 55·55·96 are 290,400.
    expect(neurons).toEqual([290_400, 186_624, 64_896, 64_896, 43_264, 4_096, 4_096, 1_000]);
  });

  it("has 60,965,224 parameters, 34,944 of them in conv1", () => {
    // (11·11·3 + 1)·96, the "35K" of the lectures.
    const parameters = {
      conv1: 34_944,
      conv2: 307_456,
      conv3: 885_120,
      conv4: 663_936,
      conv5: 442_624,
      fc6: 37_752_832,
      fc7: 16_781_312,
      fc8: 4_097_000,
    };
    for (const [name, count] of Object.entries(parameters))
      expect([name, row(name)?.parameters]).toEqual([name, count]);
    expect(totals.parameters).toBe(60_965_224);
  });

  it("has 724 million multiply-adds, and overlapping windows that see 195×195 pixels", () => {
    expect(totals.macs).toBe(724_406_816);
    expect(row("pool5")?.receptiveField).toEqual([
      { size: 195, stride: 32, start: -64 },
      { size: 195, stride: 32, start: -64 },
    ]);
  });
});
