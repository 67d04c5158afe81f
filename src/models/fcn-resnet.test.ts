import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { fcnResNet } from "./fcn-resnet.ts";
import { summarize } from "./summary.ts";

describe("fcnResNet", () => {
  it.each([
    [50, 35_322_218],
    [101, 54_314_346],
  ] as const)("of %i layers has the %i parameters of torchvision's", (depth, parameters) => {
    const network = build(fcnResNet({ depth }), { input: [1, 64, 64, 3] });
    expect(summarize(network).totals.parameters).toBe(parameters);
    expect(network.outputs.aux.shape).toEqual([1, 64, 64, 21]);
  });

  it("keeps maps at an eighth of any image, and gives each pixel its logits", () => {
    const network = build(fcnResNet({ classes: 5, auxiliary: false }), { input: [2, 100, 70, 3] });
    expect(network.tap("backbone.layer4").shape).toEqual([2, 13, 9, 2048]);
    expect(network.outputs.logits.shape).toEqual([2, 100, 70, 5]);
    expect(Object.keys(network.outputs)).toEqual(["logits"]);
    expect(summarize(network).totals.parameters).toBeLessThan(33e6);
  });

  it("refuses what it does not know", () => {
    expect(() => fcnResNet({ depth: 18 as 50 })).toThrow(OptionError);
    expect(() => fcnResNet({ classes: 0 })).not.toThrow();
    expect(() => build(fcnResNet({ classes: 0 }), { input: [1, 64, 64, 3] })).toThrow(OptionError);
  });
});
