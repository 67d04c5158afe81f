import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { overfeat } from "./overfeat.ts";
import { summarize } from "./summary.ts";

const tableOf = (model: "fast" | "accurate", edge: number) =>
  summarize(build(overfeat({ model }), { input: [1, edge, edge, 3] }));

describe("overfeat", () => {
  it("has the layers of Table 1", () => {
    const { rows, totals } = tableOf("fast", 231);
    const row = (name: string) => rows.find((each) => each.name === name);
    // What each stage is given. The table has 24×24 for stage 2, which is what its convolution gives: pooling gives 28×28.
    const given = ["pool1", "pool2", "relu3", "relu4", "pool5", "fc6", "fc7"];
    expect(given.map((name) => row(name)?.outputShape)).toEqual([
      [28, 28, 96],
      [12, 12, 256],
      [12, 12, 512],
      [12, 12, 1024],
      [6, 6, 1024],
      [3072],
      [4096],
    ]);
    expect(row("conv2")?.outputShape).toEqual([24, 24, 256]);
    expect(totals.parameters).toBe(145_920_872);
  });

  it("has the layers of Table 3", () => {
    const { rows, totals } = tableOf("accurate", 221);
    const row = (name: string) => rows.find((each) => each.name === name);
    const given = ["pool1", "pool2", "relu3", "relu4", "relu5", "pool6", "fc7", "fc8"];
    expect(given.map((name) => row(name)?.outputShape)).toEqual([
      [36, 36, 96],
      [15, 15, 256],
      [15, 15, 512],
      [15, 15, 512],
      [15, 15, 1024],
      [5, 5, 1024],
      [4096],
      [4096],
    ]);
    expect(totals.parameters).toBe(144_656_488);
  });

  it.each([
    ["fast", 231, 145, 2_801_403_904, 2810],
    ["accurate", 221, 144, 5_355_446_784, 5369],
  ] as const)(
    "%s has the millions of parameters and connections of Table 4",
    (model, edge, parameters, macs, connections) => {
      const { totals } = tableOf(model, edge);
      expect(Math.floor(totals.parameters / 1e6)).toBe(parameters);
      expect(totals.macs).toBe(macs);
      // The table is 0.3% above the multiply-adds of the layers.
      expect(Math.abs(macs / 1e6 / connections - 1)).toBeLessThan(0.004);
    },
  );

  it("refuses what it does not know", () => {
    expect(() => overfeat({ model: "slow" as "fast" })).toThrow(OptionError);
    expect(() => overfeat({ classes: 0 })).toThrow(OptionError);
  });
});
