import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { densenet } from "./densenet.ts";
import { summarize } from "./summary.ts";

describe("densenet", () => {
  // Parameters are torchvision's, which prints 2.834, 7.728, 3.36 and 4.291 billion operations.
  it.each([
    [121, 7_978_856, 2_834_161_664],
    [161, 28_681_000, 7_727_907_072],
    [169, 14_149_480, 3_359_843_328],
    [201, 20_013_928, 4_291_365_888],
  ] as const)("of %i layers has %i parameters and %i multiply-adds", (depth, parameters, macs) => {
    const network = build(densenet({ depth }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
    const weighted = network.parameters.filter(({ kind }) => kind !== "vector");
    expect(weighted.length).toBe(depth);
  });

  it("has the sizes of Table 1", () => {
    const network = build(densenet(), { input: [1, 224, 224, 3] });
    const shapes = ["conv0", "pool0", "denseblock1", "transition1", "denseblock2", "transition2"].concat(
      ...["denseblock3", "transition3", "denseblock4"],
    );
    expect(shapes.map((name) => network.tap(`features.${name}`).shape.slice(1))).toEqual([
      [112, 112, 64],
      [56, 56, 64],
      [56, 56, 256],
      [28, 28, 128],
      [28, 28, 512],
      [14, 14, 256],
      [14, 14, 1024],
      [7, 7, 512],
      [7, 7, 1024],
    ]);
  });

  it("takes other sizes, classes and growth rates", () => {
    const network = build(densenet({ classes: 7, growthRate: 12, dropout: 0.2 }), {
      input: [1, 65, 97, 3],
      training: true,
    });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(network.tap("features.denseblock1").shape[3]).toBe(24 + 6 * 12);
  });

  it("refuses what it does not know", () => {
    expect(() => densenet({ depth: 264 as 121 })).toThrow(OptionError);
    expect(() => densenet({ growthRate: 0 })).toThrow(OptionError);
    expect(() => densenet({ dropout: 1 })).toThrow(OptionError);
  });
});
