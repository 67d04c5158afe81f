import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type CifarDenseNetOptions, cifarDenseNet, densenet } from "./densenet.ts";
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

describe("cifarDenseNet", () => {
  const networkOf = (options: CifarDenseNetOptions) =>
    build(cifarDenseNet(options), { input: [1, 32, 32, 3] });

  // Millions are those of Table 2; the counts with bottlenecks are pytorchcv's.
  it.each([
    [{ depth: 40, growthRate: 12, bottleneck: false }, 1.0, 1_019_722],
    [{ depth: 100, growthRate: 12, bottleneck: false }, 7.0, 6_979_642],
    [{ depth: 100, growthRate: 24, bottleneck: false }, 27.2, 27_249_082],
    [{ depth: 100, growthRate: 12 }, 0.8, 769_162],
    [{ depth: 250, growthRate: 24 }, 15.3, 15_324_406],
    [{ depth: 190, growthRate: 40 }, 25.6, 25_624_430],
  ])("%o has %d million parameters", (options, millions, parameters) => {
    const network = networkOf(options);
    expect(summarize(network).totals.parameters).toBe(parameters);
    expect(Math.abs(parameters / 1e6 - millions)).toBeLessThan(0.06);
    const weighted = network.parameters.filter(({ kind }) => kind !== "vector");
    expect(weighted.length).toBe(options.depth);
  });

  it("adds k channels a layer on maps of 32, 16 and 8", () => {
    const network = networkOf({ depth: 40, bottleneck: false });
    const places = ["conv0", "denseblock1", "transition1", "denseblock2", "transition2", "denseblock3"];
    expect(places.map((name) => network.tap(`features.${name}`).shape.slice(1))).toEqual([
      [32, 32, 16],
      [32, 32, 16 + 12 * 12],
      [16, 16, 160],
      [16, 16, 160 + 12 * 12],
      [8, 8, 304],
      [8, 8, 304 + 12 * 12],
    ]);
  });

  it("compresses where it is asked to", () => {
    const channels = (compression: number) => networkOf({ compression }).tap("features.transition1").shape[3];
    expect([channels(0.5), channels(0.3), channels(1)]).toEqual([108, Math.floor(0.3 * 216), 216]);
  });

  it("takes other sizes and classes, and refuses what it does not know", () => {
    const network = build(cifarDenseNet({ depth: 22, classes: 7, dropout: 0.2 }), { input: [1, 40, 24, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(() => cifarDenseNet({ depth: 43 })).toThrow("depth is 43, but must be 6n + 4 with bottlenecks");
    expect(() => cifarDenseNet({ depth: 41, bottleneck: false })).toThrow(
      "must be 3n + 4 without bottlenecks",
    );
    expect(() => cifarDenseNet({ compression: 0 })).toThrow(OptionError);
    expect(() => cifarDenseNet({ growthRate: 1.5 })).toThrow(OptionError);
    expect(() => cifarDenseNet({ initialChannels: 0 })).toThrow(OptionError);
  });
});
