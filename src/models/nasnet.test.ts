import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { nasnet } from "./nasnet.ts";
import { summarize } from "./summary.ts";

const mobile = build(nasnet(), { input: [1, 224, 224, 3] });

describe("nasnet", () => {
  // Tables 2 and 3: 5.3 million parameters and 564 million multiply-adds, 88.9 million and 23.8 billion.
  it.each([
    ["mobile", 224, 5_289_978, 563_638_816],
    ["large", 331, 88_753_150, 23_783_414_658],
  ] as const)("%s has the parameters and multiply-adds of its table", (size, edge, parameters, macs) => {
    const network = build(nasnet({ size }), { input: [1, edge, edge, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("has the sizes of figure 2, and six times the channels after normal cells, four times after reductions", () => {
    const places = {
      conv0: [111, 111, 32],
      cell_stem_0: [56, 56, 44],
      cell_stem_1: [28, 28, 88],
      cell_3: [28, 28, 264],
      reduction_cell_0: [14, 14, 352],
      cell_9: [14, 14, 528],
      reduction_cell_1: [7, 7, 704],
      cell_15: [7, 7, 1056],
      avg_pool: [1056],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, mobile.tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  it("takes for hPrev, behind a reduction, its input in the mobile network and what came before that in the large", () => {
    const beforeOf = (network: typeof mobile, cell: string) =>
      network.tap(`${cell}.path_1.avgpool`).node?.inputs.x.node?.inputs.x;
    expect(beforeOf(mobile, "cell_6")).toBe(mobile.tap("cell_3"));
    const large = build(nasnet({ size: "large" }), { input: [1, 64, 64, 3] });
    expect(beforeOf(large, "cell_6")).toBe(large.tap("cell_4"));
    expect(beforeOf(large, "cell_12")).toBe(large.tap("cell_10"));
  });

  it("has two separable convolutions where a cell names one, and no operation where it names the identity", () => {
    const parts = (cell: string) =>
      mobile.places.filter((place) => new RegExp(`^${cell}\\.comb_iter_\\d_(left|right)$`).test(place));
    expect(parts("cell_1").length).toBe(8);
    expect(parts("reduction_cell_0").length).toBe(9);
    const kernels = mobile.parameters
      .filter(({ name }) => /^cell_1\.comb_iter_0_left\.separable_\d\.depthwise/.test(name))
      .map(({ shape }) => shape);
    expect(kernels).toEqual([
      [5, 5, 1, 44],
      [5, 5, 1, 44],
    ]);
  });

  it("drops paths in training more often the deeper the cell, for each image by itself", () => {
    const network = build(nasnet({ dropPath: 0.3 }), { input: [2, 64, 64, 3], training: true });
    const dropped = summarize(network).rows.filter(({ kind }) => kind.includes("imageDropout"));
    expect(dropped.length).toBe(16);
    const inference = build(nasnet({ dropPath: 0.3 }), { input: [2, 64, 64, 3] });
    expect(summarize(inference).rows.some(({ kind }) => kind.includes("imageDropout"))).toBe(false);
  });

  it("takes other sizes", () => {
    for (const size of ["mobile", "large"] as const) {
      const small = build(nasnet({ size, classes: 7 }), { input: [1, 65, 98, 3] });
      expect(small.outputs.logits.shape).toEqual([1, 7]);
    }
  });

  it("refuses what it does not know", () => {
    expect(() => nasnet({ size: "huge" as "large" })).toThrow(OptionError);
    expect(() => nasnet({ dropPath: 1 })).toThrow(OptionError);
    expect(() => nasnet({ dropout: 1 })).toThrow(OptionError);
  });
});
