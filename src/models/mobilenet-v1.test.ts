import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { mobilenetResolutions, mobilenetV1 } from "./mobilenet-v1.ts";
import { summarize } from "./summary.ts";

const totalsOf = (width: number, edge: number) =>
  summarize(build(mobilenetV1({ width }), { input: [1, edge, edge, 3] })).totals;

describe("mobilenetV1", () => {
  it("has 4,231,976 parameters and 568,740,352 multiply-adds", () => {
    expect(totalsOf(1, 224)).toMatchObject({ parameters: 4_231_976, macs: 568_740_352 });
  });

  // Table 6 of the paper: millions of multiply-adds and of parameters.
  it.each([
    [1, 569, 4.2],
    [0.75, 325, 2.6],
    [0.5, 149, 1.3],
    [0.25, 41, 0.5],
  ])("of width %d has the %i million multiply-adds of Table 6", (width, macs, parameters) => {
    const totals = totalsOf(width, 224);
    expect(Math.round(totals.macs / 1e6)).toBe(macs);
    expect(totals.parameters / 1e6).toBeCloseTo(parameters, 1);
  });

  it("has the multiply-adds of Table 7 at its four mobilenetResolutions", () => {
    // The table cuts 290.7 to 290.
    expect(mobilenetResolutions.map((edge) => Math.round(totalsOf(1, edge).macs / 1e6))).toEqual([
      569, 418, 291, 186,
    ]);
  });

  it("costs Dk²·M·Df² + M·N·Df² multiply-adds a pair, 1/N + 1/Dk² of a full convolution's (section 3.1)", () => {
    const network = build(mobilenetV1(), { input: [1, 224, 224, 3] });
    const rows = new Map(summarize(network).rows.map((row) => [row.name, row]));
    const pairs = network.places.filter((place) => /unit\d$/.test(place));
    expect(pairs.length).toBe(13);
    for (const place of pairs) {
      const [depthwise, pointwise] = ["dw_conv.conv", "pw_conv.conv"].map((part) => {
        const { macs = 0, parameters = 0 } = rows.get(`${place}.${part}`) ?? {};
        return { macs, parameters };
      });
      const [, df, , n] = network.tap(place).shape;
      const m = network.tap(`${place}.dw_conv`).shape[3];
      expect(depthwise).toEqual({ macs: 9 * m * df * df, parameters: 9 * m });
      expect(pointwise).toEqual({ macs: m * n * df * df, parameters: m * n });
      const full = 9 * m * n * df * df;
      expect((depthwise.macs + pointwise.macs) / full).toBeCloseTo(1 / n + 1 / 9, 12);
    }
  });

  it("has the sizes of Table 1", () => {
    const network = build(mobilenetV1(), { input: [1, 224, 224, 3] });
    const shapes = ["init_block", "stage1", "stage2", "stage3", "stage4", "stage5", "final_pool"].map(
      (place) => network.tap(`features.${place}`).shape.slice(1),
    );
    expect(shapes).toEqual([
      [112, 112, 32],
      [112, 112, 64],
      [56, 56, 128],
      [28, 28, 256],
      [14, 14, 512],
      [7, 7, 1024],
      [1024],
    ]);
  });

  it("takes other sizes and classes, and ReLU6", () => {
    const model = mobilenetV1({ classes: 7, width: 0.3, activation: "relu6" });
    const network = build(model, { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(network.tap("features.stage2").shape[3]).toBe(38);
  });

  it("refuses what it does not know", () => {
    expect(() => mobilenetV1({ width: 0 })).toThrow(OptionError);
    expect(() => mobilenetV1({ activation: "tanh" as "relu" })).toThrow(OptionError);
    expect(() => mobilenetV1({ firstStride: 3 as 1 })).toThrow(OptionError);
  });
});
