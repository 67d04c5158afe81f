import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { resnet } from "./resnet.ts";
import { summarize } from "./summary.ts";
import { wideResNet } from "./wide-resnet.ts";

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
