import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { caffeExample } from "./caffe-examples.ts";
import { summarize } from "./summary.ts";

describe("caffeExample", () => {
  it.each([
    ["lenet", [28, 28, 1], 431_080, 2_293_000],
    ["cifar10-quick", [32, 32, 3], 145_578, 12_354_176],
    ["cifar10-full", [32, 32, 3], 89_578, 12_298_240],
  ] as const)("%s on %j has %i parameters and %i multiply-adds", (network, image, parameters, macs) => {
    const { totals } = summarize(build(caffeExample({ network }), { input: [1, ...image] }));
    expect(totals).toMatchObject({ parameters, macs });
  });

  it("refuses what it does not know", () => {
    expect(() => caffeExample({ network: "siamese" as "lenet" })).toThrow(OptionError);
  });
});
