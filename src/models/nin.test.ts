import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { nin } from "./nin.ts";
import { summarize } from "./summary.ts";

describe("nin", () => {
  it("for ImageNet has the 7.6 million parameters of the authors' model", () => {
    const { rows, totals } = summarize(build(nin(), { input: [1, 224, 224, 3] }));
    expect(totals).toMatchObject({ parameters: 7_595_176, macs: 1_100_188_800 });
    // The lectures, after the authors' page: 7.5 million, 29 megabytes of 2²⁰ bytes.
    expect(Math.round((4 * totals.parameters) / 2 ** 20)).toBe(29);
    const pools = rows.filter(({ kind }) => kind === "maxPool2d").map(({ outputShape }) => outputShape);
    expect(pools).toEqual([
      [27, 27, 96],
      [13, 13, 256],
      [6, 6, 384],
    ]);
  });

  it("for CIFAR-10 has three mlpconv layers, 966,986 parameters", () => {
    const { rows, totals } = summarize(build(nin({ variant: "cifar" }), { input: [1, 32, 32, 3] }));
    expect(totals).toMatchObject({ parameters: 966_986, macs: 222_486_528 });
    const widths = rows.filter(({ kind }) => kind === "conv2d").map(({ outputShape }) => outputShape[2]);
    expect(widths).toEqual([192, 160, 96, 192, 192, 192, 192, 192, 10]);
  });

  it("takes images of any size", () => {
    const network = build(nin({ classes: 7 }), { input: [1, 300, 260, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => nin({ variant: "mnist" as "cifar" })).toThrow(OptionError);
    expect(() => nin({ dropout: 1 })).toThrow(OptionError);
  });
});
