import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { cifarPreactResNet } from "./preact-resnet.ts";
import { resnet } from "./resnet.ts";
import { summarize } from "./summary.ts";
import { cifarWideResNet, wideResNet } from "./wide-resnet.ts";

describe("wideResNet", () => {
  // Table 8 of the paper has 68.9 million for 50 layers; 101 layers are torchvision's, which prints 22.753 billion.
  it.each([
    [50, 68_883_240, 11_398_021_120],
    [101, 126_886_696, 22_753_050_624],
  ] as const)("of %i layers has %i parameters and %i multiply-adds", (depth, parameters, macs) => {
    const network = build(wideResNet({ depth }), { input: [1, 224, 224, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs });
  });

  it("widened once is ResNet", () => {
    const [wide, plain] = [wideResNet({ widen: 1 }), resnet()].map((model) =>
      build(model, { input: [1, 64, 64, 3] }).parameters.map(({ name, shape }) => [name, shape]),
    );
    expect(wide).toEqual(plain);
  });

  it("refuses what it does not know", () => {
    expect(() => wideResNet({ depth: 18 as 50 })).toThrow(OptionError);
    expect(() => wideResNet({ widen: 0 })).toThrow(OptionError);
    expect(() => wideResNet({ variant: "v3" as "v1" })).toThrow(OptionError);
  });
});

describe("cifarWideResNet", () => {
  // Millions are those of Table 4; the counts of 16-10, 28-10 and 40-8 are pytorchcv's.
  it.each([
    [40, 1, 0.6, 563_930],
    [40, 2, 2.2, 2_243_546],
    [40, 4, 8.9, 8_949_210],
    [40, 8, 35.7, 35_748_314],
    [28, 10, 36.5, 36_479_194],
    [28, 12, 52.5, 52_517_850],
    [22, 8, 17.2, 17_158_106],
    [22, 10, 26.8, 26_797_914],
    [16, 8, 11.0, 10_961_370],
    [16, 10, 17.1, 17_116_634],
  ])("of %i layers, %i times as wide, has %d million parameters", (depth, widen, millions, parameters) => {
    const network = build(cifarWideResNet({ depth, widen }), { input: [1, 32, 32, 3] });
    expect(summarize(network).totals.parameters).toBe(parameters);
    expect(Math.abs(parameters / 1e6 - millions)).toBeLessThan(0.06);
    const convolutions = network.parameters.filter(({ kind }) => kind === "filter");
    // The paper's depth counts the three projections; of width 1, the first stage needs none.
    expect(convolutions.length).toBe(widen === 1 ? depth - 1 : depth);
  });

  it("of width 1 is the pre-activation ResNet of two layers fewer", () => {
    const [wide, preact] = [cifarWideResNet({ depth: 22, widen: 1 }), cifarPreactResNet()].map((model) =>
      build(model, { input: [1, 32, 32, 3] }).parameters.map(({ name, shape }) => [name, shape]),
    );
    expect(wide).toEqual(preact);
  });

  it("drops between the convolutions, after ReLU, in training alone", () => {
    const model = cifarWideResNet({ depth: 16, widen: 1, dropout: 0.3 });
    const [training, inference] = [true, false].map((form) =>
      build(model, { input: [2, 8, 8, 3], training: form }),
    );
    const dropout = training.tap("features.stage1.unit2.body.conv2.dropout").node;
    expect(dropout?.operation.name).toBe("dropout");
    expect(dropout?.attributes).toMatchObject({ probability: 0.3 });
    expect(inference.tap("features.stage1.unit2.body.conv2.dropout").node?.operation.name).toBe("relu");
  });

  it("refuses what it does not know", () => {
    expect(() => cifarWideResNet({ depth: 20 })).toThrow(
      "depth is 20, but must be 6n + 4, such as 16, 22, 28 or 40.",
    );
    expect(() => cifarWideResNet({ widen: 1.5 })).toThrow(OptionError);
    expect(() => cifarWideResNet({ dropout: 1 })).toThrow(OptionError);
  });
});
