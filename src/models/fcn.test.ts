import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { gradients } from "../graph/backward.ts";
import { bilinear, build } from "../nn/index.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input } from "../ops/operation.ts";
import { transposedConv2d } from "../ops/transposed-conv2d.ts";
import { OptionError } from "../tensor/errors.ts";
import { size } from "../tensor/shape.ts";
import { fcn, fcnNameOfVgg16 } from "./fcn.ts";
import { summarize } from "./summary.ts";
import { vgg } from "./vgg.ts";

describe("fcn", () => {
  it.each([
    [32, 136_152_917],
    // The score of pool4 and two transposed convolutions in place of one: 512·21 + 21 + 21²·(4² + 32²) − 21²·64².
    [16, 134_815_994],
    [8, 134_489_759],
  ] as const)("FCN-%is has %i parameters", (stride, parameters) => {
    const network = build(fcn({ stride }), { input: [1, 64, 64, 3] });
    expect(summarize(network).totals.parameters).toBe(parameters);
  });

  it.each([32, 16, 8] as const)("FCN-%is gives each pixel of any image its logits", (stride) => {
    for (const [h, w] of [
      [64, 64],
      [33, 97],
      [1, 70],
    ]) {
      const network = build(fcn({ stride, classes: 5 }), { input: [2, h, w, 3] });
      expect(network.outputs.logits.shape).toEqual([2, h, w, 5]);
    }
  });

  it("learns from the labels of pixels", () => {
    const network = build(fcn(), { input: [1, 32, 40, 3], training: true });
    const labels = input("labels", [1, 32, 40]);
    const loss = crossEntropy({ x: network.outputs.logits, labels }, { ignoreLabel: 255 });
    const found = gradients(
      loss,
      network.parameters.map(({ tensor }) => tensor),
    );
    expect(found.every((each) => each !== undefined)).toBe(true);
  });

  it("keeps its bilinear interpolation where it is told to", () => {
    const fixed = build(fcn({ upsampling: "fixed" }), { input: [1, 32, 32, 3], training: true });
    expect(fixed.states.map(({ name, kind }) => [name, kind])).toEqual([
      ["upscore2.weight", "transposedFilter"],
      ["upscore_pool4.weight", "transposedFilter"],
      ["upscore8.weight", "transposedFilter"],
    ]);
    const trained = build(fcn(), { input: [1, 32, 32, 3] });
    expect(fixed.parameters.length + 3).toBe(trained.parameters.length);
  });

  it("has the weights of VGG-16 under names of its own, all but the last layer's", () => {
    const own = new Map(build(fcn(), { input: [1, 32, 32, 3] }).parameters.map((each) => [each.name, each]));
    const { parameters } = build(vgg(), { input: [1, 224, 224, 3] });
    const renamed = parameters.map(({ name, shape }) => [fcnNameOfVgg16(name), size(shape)] as const);
    expect(renamed.slice(-2).map(([name]) => name)).toEqual([undefined, undefined]);
    for (const [name, numbers] of renamed.slice(0, -2))
      expect([name, size(own.get(name ?? "")?.shape ?? [])]).toEqual([name, numbers]);
    const rest = [...own.keys()].filter((name) => !renamed.some(([each]) => each === name));
    expect(rest.every((name) => /score/.test(name))).toBe(true);
  });

  it("refuses what it does not know", () => {
    expect(() => fcn({ stride: 4 as 8 })).toThrow(OptionError);
    expect(() => fcn({ upsampling: "nearest" as "fixed" })).toThrow(OptionError);
  });
});

describe("bilinear", () => {
  const larger = (factor: number, rows: readonly number[], width: number) => {
    const kernel = 2 * factor;
    const weight = given(
      [kernel, kernel, 1, 1],
      [...bilinear([kernel, kernel, 1, 1], "transposedFilter", 0)],
    );
    const x = given([1, rows.length / width, width, 1], rows);
    return compute(transposedConv2d({ x, weight, bias: undefined }, { stride: factor, padding: factor / 2 }));
  };

  it("makes a slope of a slope: twice as many places lie at quarters and three quarters", () => {
    // Rows are equal; beyond the edges lies 0, so rows and columns at the edge are less.
    const inner = larger(2, [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12], 4).slice(2 * 8, 3 * 8);
    expect(inner).toEqual([0, 1, 3, 5, 7, 9, 11, 9]);
  });

  it("keeps channels apart and needs a transposed convolution", () => {
    const values = bilinear([4, 4, 2, 2], "transposedFilter", 0);
    // [r, s, k, c]: at each tap k = c, and nothing else.
    expect(Array.from(values.slice(20, 24))).toEqual([0.5625, 0, 0, 0.5625]);
    expect(() => bilinear([4, 4, 2, 2], "filter", 0)).toThrow(OptionError);
  });
});
