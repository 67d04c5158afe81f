import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { shufflenetV2 } from "./shufflenet-v2.ts";
import { summarize } from "./summary.ts";

describe("shufflenetV2", () => {
  // Parameters are torchvision's. Table 5 has 1.4, 2.3, 3.5 and 7.4 million, and 41, 146, 299 and 591 million operations.
  it.each([
    [0.5, 1_366_792, 40_476_448],
    [1, 2_278_604, 144_907_992],
    [1.5, 3_503_624, 295_759_392],
    [2, 7_393_996, 583_253_464],
  ] as const)("%d× has %i parameters and %i multiply-adds", (width, parameters, macs) => {
    const network = build(shufflenetV2({ width }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the sizes of Table 5", () => {
    const network = build(shufflenetV2(), { input: [1, 224, 224, 3] });
    const places = ["conv1", "maxpool", "stage2", "stage3", "stage4", "conv5", "avgpool"];
    expect(places.map((place) => network.tap(place).shape.slice(1))).toEqual([
      [112, 112, 24],
      [56, 56, 24],
      [28, 28, 116],
      [14, 14, 232],
      [7, 7, 464],
      [7, 7, 1024],
      [1024],
    ]);
  });

  it("keeps half of the channels in units that do not halve the size", () => {
    const { parameters } = build(shufflenetV2(), { input: [1, 64, 64, 3] });
    const unit = (place: string) =>
      parameters.filter(({ name, kind }) => kind === "filter" && name.startsWith(`${place}.`));
    expect(unit("stage2.0").map(({ shape }) => shape[3])).toEqual([24, 58, 58, 58, 58]);
    expect(unit("stage2.1").map(({ shape }) => shape[3])).toEqual([58, 58, 58]);
  });

  it("takes other sizes and classes", () => {
    const network = build(shufflenetV2({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => shufflenetV2({ width: 0.75 as 1 })).toThrow(
      "shufflenetV2: width is 0.75, but must be one of 0.5, 1, 1.5, 2.",
    );
    expect(() => shufflenetV2({ classes: 0 })).toThrow(OptionError);
  });
});
