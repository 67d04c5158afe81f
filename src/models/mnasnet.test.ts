import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { mnasnet } from "./mnasnet.ts";
import { summarize } from "./summary.ts";

describe("mnasnet", () => {
  // Parameters are torchvision's, which prints 0.104, 0.215, 0.314 and 0.526 billion operations.
  it.each([
    [0.5, 2_218_512, 104_455_968],
    [0.75, 3_170_208, 215_493_104],
    [1, 4_383_312, 314_415_872],
    [1.3, 6_282_256, 526_362_432],
  ])("of width %d has %i parameters and %i multiply-adds", (width, parameters, macs) => {
    const network = build(mnasnet({ width }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the sizes of its stages", () => {
    const network = build(mnasnet(), { input: [1, 224, 224, 3] });
    const places = [2, 7, 8, 9, 10, 11, 12, 13, 16];
    expect(places.map((i) => network.tap(`layers.${i}`).shape.slice(2).join("×"))).toEqual([
      ...["112×32", "112×16", "56×24", "28×40", "14×80", "14×96", "7×192", "7×320", "7×1280"],
    ]);
  });

  it("keeps running statistics as slowly as the paper", () => {
    const network = build(mnasnet(), { input: [2, 32, 32, 3], training: true });
    const attributes = network.updates.map(({ value }) => value.node?.attributes);
    expect(attributes.length).toBe(2 * 52);
    for (const each of attributes) expect(each).toMatchObject({ momentum: expect.closeTo(0.0003, 12) });
  });

  it("takes other sizes and classes", () => {
    const network = build(mnasnet({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => mnasnet({ width: Number.NaN })).toThrow(OptionError);
    expect(() => mnasnet({ dropout: 1 })).toThrow(OptionError);
  });
});
