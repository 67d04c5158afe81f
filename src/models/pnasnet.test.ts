import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { pnasnet } from "./pnasnet.ts";
import { summarize } from "./summary.ts";

const network = build(pnasnet(), { input: [1, 331, 331, 3] });

describe("pnasnet", () => {
  // Table 5: 86.1 million parameters, 25.0 billion multiply-adds.
  it("has the parameters and multiply-adds of Table 5", () => {
    expect(summarize(network).totals).toMatchObject({ parameters: 86_057_668, macs: 24_937_395_792 });
  });

  it("has five times the channels of a sum after each cell, at the sizes of the authors' network", () => {
    const places = {
      conv_0: [165, 165, 96],
      cell_stem_0: [83, 83, 5 * 54],
      cell_stem_1: [42, 42, 5 * 108],
      cell_3: [42, 42, 5 * 216],
      cell_4: [21, 21, 5 * 432],
      cell_7: [21, 21, 5 * 432],
      cell_8: [11, 11, 5 * 864],
      cell_11: [11, 11, 5 * 864],
      avg_pool: [4320],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, network.tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  it("is the same network at 331 pixels, however other sizes are padded", () => {
    const fixed = build(pnasnet({ padding: "as at 331" }), { input: [1, 331, 331, 3] });
    expect(summarize(fixed).totals).toEqual(summarize(network).totals);
  });

  it("takes other sizes", () => {
    for (const padding of ["same", "as at 331"] as const) {
      const small = build(pnasnet({ classes: 7, padding }), { input: [1, 65, 98, 3] });
      expect(small.outputs.logits.shape).toEqual([1, 7]);
    }
  });

  it("refuses what it does not know", () => {
    expect(() => pnasnet({ padding: "valid" as "same" })).toThrow(OptionError);
    expect(() => pnasnet({ dropPath: -0.1 })).toThrow(OptionError);
  });
});
