import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import { summarize } from "./summary.ts";

const totalsOf = (width: number, edge: number) =>
  summarize(build(mobilenetV2({ width }), { input: [1, edge, edge, 3] })).totals;

describe("mobilenetV2", () => {
  // Millions in the authors' list of checkpoints; the paper's Table 4 has 300 and 3.4 at width 1.
  it.each([
    [1.4, 582, 6.1],
    [1.3, 509, 5.4],
    [1, 301, 3.5],
    [0.75, 209, 2.6],
    [0.5, 97, 2],
    [0.35, 59, 1.7],
  ])("of width %d has %i million multiply-adds and %d million parameters", (width, macs, parameters) => {
    const totals = totalsOf(width, 224);
    expect(Math.round(totals.macs / 1e6)).toBe(macs);
    expect(totals.parameters / 1e6).toBeCloseTo(parameters, 1);
  });

  it("has the authors' multiply-adds for smaller images", () => {
    const found = [192, 160, 128, 96].map((edge) => Math.round(totalsOf(1, edge).macs / 1e6));
    expect(found).toEqual([221, 154, 99, 56]);
  });

  it("has the inputs of Table 2, row by row", () => {
    const network = build(mobilenetV2(), { input: [1, 224, 224, 3] });
    const last = [0, 1, 3, 6, 10, 13, 16, 17, 18];
    expect(last.map((i) => network.tap(`features.${i}`).shape.slice(1))).toEqual([
      [112, 112, 32],
      [112, 112, 16],
      [56, 56, 24],
      [28, 28, 32],
      [14, 14, 64],
      [14, 14, 96],
      [7, 7, 160],
      [7, 7, 320],
      [7, 7, 1280],
    ]);
  });

  it("adds x where the shape stays, and has no activation before the sum", () => {
    const network = build(mobilenetV2(), { input: [1, 32, 32, 3] });
    const operations = (place: string) => network.tap(place).node?.operation.name;
    expect(operations("features.3")).toBe("add");
    expect(operations("features.2")).not.toBe("add");
    expect(operations("features.18")).toBe("relu6");
    expect(operations("features.17")).not.toBe("relu6");
  });

  it("takes other sizes and classes", () => {
    const network = build(mobilenetV2({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => mobilenetV2({ width: -1 })).toThrow(OptionError);
    expect(() => mobilenetV2({ dropout: 1 })).toThrow(OptionError);
  });
});
