import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { resnet } from "./resnet.ts";
import { senet154, seResNet, seResNeXt } from "./senet.ts";
import { summarize } from "./summary.ts";

const totalsOf = (model: ReturnType<typeof seResNet>) =>
  summarize(build(model, { input: [1, 224, 224, 3] })).totals;

describe("squeeze-and-excitation networks", () => {
  // Parameters are Cadene's. Table 2 has 3.87, 7.60, 11.32, 4.25 and 8.00 billion operations, pooling and others counted.
  it.each([
    ["se-resnet50", seResNet(), 28_088_024, 3_860_488_192],
    ["se-resnet101", seResNet({ depth: 101 }), 49_326_872, 7_574_937_600],
    ["se-resnet152", seResNet({ depth: 152 }), 66_821_848, 11_288_993_792],
    ["se-resnext50-32x4d", seResNeXt(), 27_559_896, 4_232_994_816],
    ["se-resnext101-32x4d", seResNeXt({ depth: 101 }), 48_955_416, 7_974_739_968],
    ["senet154", senet154(), 115_088_984, 20_688_363_520],
  ])("%s has its parameters and multiply-adds", (_, model, parameters, macs) => {
    expect(totalsOf(model)).toMatchObject({ parameters, macs });
  });

  it("adds 2/r·Σ N·C² weights to ResNet, equation 5, and as many multiply-adds", () => {
    const blocks = [
      [3, 256],
      [4, 512],
      [6, 1024],
      [3, 2048],
    ] as const;
    const plain = totalsOf(resnet({ variant: "v1" }));
    for (const reduction of [4, 16, 32]) {
      const excited = totalsOf(seResNet({ reduction }));
      const weights = blocks.reduce((sum, [n, c]) => sum + (2 / reduction) * n * c ** 2, 0);
      const biases = blocks.reduce((sum, [n, c]) => sum + n * (c + c / reduction), 0);
      expect(excited.macs - plain.macs).toBe(weights);
      expect(excited.parameters - plain.parameters).toBe(weights + biases);
    }
  });

  it("has the sizes of Table 1", () => {
    const network = build(seResNeXt(), { input: [1, 224, 224, 3] });
    const places = ["layer0.conv1", "layer0", "layer1", "layer2", "layer3", "layer4", "avg_pool"];
    expect(places.map((place) => network.tap(place).shape.slice(1))).toEqual([
      [112, 112, 64],
      [56, 56, 64],
      [56, 56, 256],
      [28, 28, 512],
      [14, 14, 1024],
      [7, 7, 2048],
      [2048],
    ]);
  });

  it("strides where the authors do: SE-ResNet in its first 1×1, SE-ResNeXt in its 3×3", () => {
    const edge = (model: ReturnType<typeof seResNet>) =>
      build(model, { input: [1, 64, 64, 3] }).tap("layer2.0.conv1").shape[1];
    expect([edge(seResNet()), edge(seResNeXt()), edge(senet154())]).toEqual([8, 16, 16]);
  });

  it("takes other sizes and classes", () => {
    const network = build(seResNet({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => seResNet({ depth: 34 as 50 })).toThrow(OptionError);
    expect(() => seResNeXt({ depth: 152 as 50 })).toThrow(OptionError);
    expect(() => seResNeXt({ cardinality: 0 })).toThrow(OptionError);
    expect(() => seResNet({ reduction: 512 })).toThrow(OptionError);
    expect(() => senet154({ reduction: 0.5 })).toThrow(OptionError);
    expect(() => senet154({ dropout: 1 })).toThrow(OptionError);
  });
});
