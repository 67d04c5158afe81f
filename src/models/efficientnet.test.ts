import { describe, expect, it } from "vitest";
import { orderOf } from "../graph/order.ts";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type EfficientNetVariant, efficientnet, efficientnetResolutions } from "./efficientnet.ts";
import { summarize } from "./summary.ts";

describe("efficientnet", () => {
  // Parameters are torchvision's. Table 2 has 0.39, 0.70, 1.0, 1.8, 4.2, 9.9, 19 and 37 billion operations.
  it.each([
    ["b0", 5_288_548, 385_814_752],
    ["b1", 7_794_184, 686_802_832],
    ["b2", 9_109_994, 993_561_872],
    ["b3", 12_233_232, 1_827_141_392],
    ["b4", 19_341_616, 4_393_771_024],
    ["b5", 30_389_784, 10_266_384_752],
    ["b6", 43_040_704, 19_067_593_536],
    ["b7", 66_347_960, 37_745_884_192],
  ] as const)("%s has %i parameters and %i multiply-adds", (variant, parameters, macs) => {
    const edge = efficientnetResolutions[variant];
    const network = build(efficientnet({ variant }), { input: [1, edge, edge, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the sizes of Table 1", () => {
    const network = build(efficientnet(), { input: [1, 224, 224, 3] });
    const shapes = Array.from({ length: 9 }, (_, i) => network.tap(`features.${i}`).shape.slice(2).join("×"));
    expect(shapes).toEqual([
      ...["112×32", "112×16", "56×24", "28×40", "14×80", "14×112", "7×192", "7×320", "7×1280"],
    ]);
  });

  it("squeezes to a quarter of a block's channels before they are widened", () => {
    const { parameters } = build(efficientnet(), { input: [1, 64, 64, 3] });
    const squeezed = parameters.filter(({ name }) => name.endsWith(".fc1.weight"));
    expect(squeezed.map(({ shape }) => shape.slice(2)).slice(0, 5)).toEqual([
      [32, 8],
      [96, 4],
      [144, 6],
      [144, 6],
      [240, 10],
    ]);
  });

  it("drops its blocks more often the deeper they lie, where there is a shortcut", () => {
    const dropped = (survival?: number) => {
      const options = survival === undefined ? {} : { survival };
      const network = build(efficientnet(options), { input: [2, 32, 32, 3], training: true });
      return orderOf([network.outputs.logits]).flatMap(({ node }) =>
        node?.operation.name === "imageDropout" ? [node.attributes] : [],
      );
    };
    // Of 16 blocks, those after the first of stages 3 to 7.
    const blocks = [2, 4, 6, 7, 9, 10, 12, 13, 14];
    expect(dropped()).toEqual(
      blocks.map((i) => expect.objectContaining({ probability: expect.closeTo((0.2 * i) / 16, 12) })),
    );
    expect(dropped(1)).toEqual([]);
  });

  it("takes other sizes and classes", () => {
    const network = build(efficientnet({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => efficientnet({ variant: "b8" as EfficientNetVariant })).toThrow(OptionError);
    expect(() => efficientnet({ dropout: 1 })).toThrow(OptionError);
    expect(() => efficientnet({ survival: 0 })).toThrow(
      "efficientnet: survival is 0, but must be above 0 and at most 1.",
    );
  });
});
