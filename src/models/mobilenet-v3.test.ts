import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { mobilenetV3 } from "./mobilenet-v3.ts";
import { summarize } from "./summary.ts";

describe("mobilenetV3", () => {
  // Parameters are torchvision's. Table 3: 219 million and 5.4 million; 56 million and 2.5 million.
  it.each([
    ["large", 5_483_032, 216_589_760],
    ["small", 2_542_856, 56_510_400],
  ] as const)("%s has %i parameters and %i multiply-adds", (size, parameters, macs) => {
    const network = build(mobilenetV3({ size }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the sizes of Table 1", () => {
    const network = build(mobilenetV3(), { input: [1, 224, 224, 3] });
    const shapes = Array.from({ length: 17 }, (_, i) =>
      network.tap(`features.${i}`).shape.slice(2).join("×"),
    );
    expect(shapes).toEqual([
      ...[
        "112×16",
        "112×16",
        "56×24",
        "56×24",
        "28×40",
        "28×40",
        "28×40",
        "14×80",
        "14×80",
        "14×80",
        "14×80",
      ],
      ...["14×112", "14×112", "7×160", "7×160", "7×160", "7×960"],
    ]);
  });

  it("has the sizes of Table 2", () => {
    const network = build(mobilenetV3({ size: "small" }), { input: [1, 224, 224, 3] });
    const shapes = Array.from({ length: 13 }, (_, i) =>
      network.tap(`features.${i}`).shape.slice(2).join("×"),
    );
    expect(shapes).toEqual([
      ...["112×16", "56×16", "28×24", "28×24", "14×40", "14×40", "14×40", "14×48", "14×48", "7×96", "7×96"],
      ...["7×96", "7×576"],
    ]);
  });

  it("squeezes to a quarter of the expanded channels where the table ticks SE", () => {
    const { parameters } = build(mobilenetV3(), { input: [1, 64, 64, 3] });
    const squeezed = parameters.filter(({ name }) => name.endsWith(".fc1.weight"));
    expect(squeezed.map(({ shape }) => shape[3])).toEqual([24, 32, 32, 120, 168, 168, 240, 240]);
  });

  it("takes other sizes, widths and classes", () => {
    const network = build(mobilenetV3({ classes: 7, width: 0.5 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(network.tap("features.16").shape[3]).toBe(480);
  });

  it("refuses what it does not know", () => {
    expect(() => mobilenetV3({ size: "medium" as "small" })).toThrow(OptionError);
    expect(() => mobilenetV3({ width: 0 })).toThrow(OptionError);
    expect(() => mobilenetV3({ dropout: 1 })).toThrow(OptionError);
  });
});
