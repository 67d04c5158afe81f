import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { polynet } from "./polynet.ts";
import { summarize } from "./summary.ts";

const network = build(polynet(), { input: [1, 331, 331, 3] });

describe("polynet", () => {
  it("has as many parameters and multiply-adds as the authors' weights have", () => {
    expect(summarize(network).totals).toMatchObject({ parameters: 95_366_600, macs: 34_699_493_472 });
  });

  it("has the sizes of its three stages", () => {
    const places = {
      conv1: [163, 163, 64],
      conv2_short: [79, 79, 96],
      stem: [39, 39, 384],
      "stage_a.9": [39, 39, 384],
      reduction_a: [19, 19, 1152],
      "stage_b.19": [19, 19, 1152],
      reduction_b: [9, 9, 2048],
      "stage_c.9": [9, 9, 2048],
      avg_pool: [2048],
    };
    for (const [place, shape] of Object.entries(places)) {
      const name = place.startsWith("conv") ? `stem.${place}` : place;
      expect([place, network.tap(name).shape.slice(1)]).toEqual([place, shape]);
    }
  });

  it("shares convolutions between the orders of a poly-3 module, and neither batch norms nor the last 1×1", () => {
    const names = network.parameters
      .map(({ name }) => name)
      .filter((name) => name.startsWith("stage_b.0.") && name.endsWith("weight"));
    const count = (pattern: RegExp) => names.filter((name) => pattern.test(name)).length;
    expect(count(/^stage_b\.0\.path(0_1x1|0_1x7|0_7x1|1)\.conv\.weight$/)).toBe(4);
    expect(count(/bn_blocks\.[012]\.weight$/)).toBe(12);
    expect(count(/conv2d_blocks\.[012]\.conv\.weight$/)).toBe(3);
  });

  it("leaves paths out in training where asked to", () => {
    const dropsOf = (survival: number) =>
      summarize(build(polynet({ survival }), { input: [2, 75, 75, 3], training: true }))
        .rows.map(({ kind }) => kind)
        .filter((kind) => kind.includes("batchDropout")).length;
    expect(dropsOf(1)).toBe(0);
    expect(dropsOf(0.75)).toBeGreaterThan(0);
  });

  it("takes other sizes", () => {
    const small = build(polynet({ classes: 7 }), { input: [1, 75, 107, 3] });
    expect(small.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => polynet({ survival: 0 })).toThrow(OptionError);
    expect(() => polynet({ dropout: 1 })).toThrow(OptionError);
  });
});
