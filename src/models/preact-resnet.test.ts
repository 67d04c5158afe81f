import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import {
  type CifarPreactResNetOptions,
  cifarPreactResNet,
  type PreactResNetOptions,
  preactResNet,
} from "./preact-resnet.ts";
import { type ResNetDepth, resnet } from "./resnet.ts";
import { summarize } from "./summary.ts";

const networkOf = (options: PreactResNetOptions) => build(preactResNet(options), { input: [1, 224, 224, 3] });
const cifarOf = (options: CifarPreactResNetOptions) =>
  build(cifarPreactResNet(options), { input: [1, 32, 32, 3] });

describe("preactResNet", () => {
  // Parameters are pytorchcv's.
  it.each([
    [18, 11_687_848],
    [34, 21_796_008],
    [50, 25_549_480],
    [101, 44_541_608],
    [152, 60_185_256],
    [200, 64_666_280],
  ] as const)("of %i layers has %i parameters", (depth, parameters) => {
    const network = networkOf({ depth });
    expect(summarize(network).totals.parameters).toBe(parameters);
    const weighted = network.parameters.filter(
      ({ name, kind }) => kind !== "vector" && !name.includes("identity"),
    );
    expect(weighted.length).toBe(depth);
  });

  it.each([18, 34, 50, 101, 152] as const)(
    "of %i layers multiplies as often as ResNet",
    (depth: ResNetDepth) => {
      const { macs } = summarize(build(resnet({ depth }), { input: [1, 224, 224, 3] })).totals;
      expect(summarize(networkOf({ depth })).totals.macs).toBe(macs);
    },
  );

  it.each([50, 101, 152] as const)(
    "of %i layers that strides in its 1×1 multiplies as often as Table 1's",
    (depth) => {
      const { macs } = summarize(build(resnet({ depth, variant: "v1" }), { input: [1, 224, 224, 3] })).totals;
      expect(summarize(networkOf({ depth, variant: "v1" })).totals.macs).toBe(macs);
    },
  );

  it("has the sizes of ResNet's stages", () => {
    const network = networkOf({ depth: 50 });
    const places = ["init_block", "stage1", "stage2", "stage3", "stage4", "post_activ"];
    expect(places.map((place) => network.tap(`features.${place}`).shape.slice(1))).toEqual([
      [56, 56, 64],
      [56, 56, 256],
      [28, 28, 512],
      [14, 14, 1024],
      [7, 7, 2048],
      [7, 7, 2048],
    ]);
  });

  it("strides where it is asked to", () => {
    const size = (variant: "v1" | "v1.5") =>
      networkOf({ variant }).tap("features.stage2.unit1.body.conv1").shape[1];
    expect([size("v1"), size("v1.5")]).toEqual([28, 56]);
  });

  it("takes images of any size", () => {
    const network = build(preactResNet({ depth: 18, classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => preactResNet({ depth: 1001 as 200 })).toThrow(OptionError);
    expect(() => preactResNet({ variant: "v2" as "v1" })).toThrow(OptionError);
    expect(() => preactResNet({ stem: "mnist" as "cifar" })).toThrow(OptionError);
  });
});

describe("cifarPreactResNet", () => {
  // Parameters are pytorchcv's; the paper's Table 3 has 1.7 million for 110 and 164 layers, 10.2 for 1001.
  it.each([
    [20, 272_282],
    [56, 855_578],
    [110, 1_730_522],
    [164, 1_703_258],
    [1001, 10_327_706],
  ])("of %i layers has %i parameters", (depth, parameters) => {
    expect(summarize(cifarOf({ depth })).totals.parameters).toBe(parameters);
  });

  it("activates before it convolves: every sum is as it is added", () => {
    const network = cifarOf({});
    for (const stage of [1, 2, 3])
      for (const unit of [1, 2, 3])
        expect(network.tap(`features.stage${stage}.unit${unit}`).node?.operation.name).toBe("add");
    expect(network.tap("features.stage1.unit1.body.conv1.activ").node?.operation.name).toBe("relu");
  });

  it("takes bottlenecks of other depths", () => {
    const names = (depth: number) =>
      cifarOf({ depth, block: "bottleneck" }).parameters.map(({ name }) => name);
    expect(names(20)).toContain("features.stage3.unit2.body.conv3.conv.weight");
    expect(names(20)).not.toContain("features.stage3.unit3.body.conv3.conv.weight");
    const size = (variant: "v1" | "v1.5") =>
      cifarOf({ depth: 164, variant }).tap("features.stage2.unit1.body.conv1").shape[1];
    expect([size("v1"), size("v1.5")]).toEqual([16, 32]);
  });

  it("refuses depths that do not fit the unit", () => {
    expect(() => cifarPreactResNet({ depth: 21 })).toThrow("depth is 21, but must be 6n + 2 in basic units");
    expect(() => cifarPreactResNet({ depth: 1002 })).toThrow(
      "must be 9n + 2 in bottleneck units, such as 164",
    );
    expect(() => cifarPreactResNet({ block: "wide" as "basic" })).toThrow(OptionError);
    expect(() => cifarPreactResNet({ variant: "v2" as "v1" })).toThrow(OptionError);
  });
});
