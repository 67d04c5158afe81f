/**
 * The worked examples of the university lectures that Striate follows, to the decimals they print: sizes, the edge filter,
 * the X among the Os, parameters and memory.
 */

import { describe, expect, it } from "vitest";
import { evaluate } from "../src/engines/js/evaluate.ts";
import { receptiveFields, summarize } from "../src/models/index.ts";
import * as nn from "../src/nn/index.ts";
import type { Tensor } from "../src/ops/operation.ts";
import { ShapeError } from "../src/tensor/errors.ts";

type Grid = readonly (readonly number[])[];

/** Runs a layer on one image of one channel, its parameters set in order, and gives its channels as grids. */
function apply(layer: nn.Layer, image: Grid, ...parameters: readonly (readonly number[])[]): number[][][] {
  const {
    inputs,
    outputs,
    parameters: declared,
  } = nn.build(layer, {
    input: [1, image.length, image[0].length, 1],
  });
  const feeds = new Map<Tensor, readonly number[]>([[inputs.x, image.flat()]]);
  for (const [i, { tensor }] of declared.entries()) feeds.set(tensor, parameters[i]);
  const [, h, w, c] = outputs.logits.shape;
  const [values] = evaluate([outputs.logits], feeds);
  return Array.from({ length: c }, (_, k) =>
    Array.from({ length: h }, (_, i) => Array.from({ length: w }, (_, j) => values[(i * w + j) * c + k])),
  );
}

/** Output shape, without the batch, of a layer on one image. */
function shapeOf(layer: nn.Layer, ...image: readonly number[]): readonly number[] {
  return nn.build(layer, { input: [1, ...image] }).outputs.logits.shape.slice(1);
}

/** Parameters of a layer on one image. */
function parametersOf(layer: nn.Layer, ...image: readonly number[]): number {
  return summarize(nn.build(layer, { input: [1, ...image] })).totals.parameters;
}

describe("convolution in numbers (HPML, NYU)", () => {
  const edge: Grid = Array.from({ length: 6 }, () => [8, 8, 8, 0, 0, 0]);

  it("finds the vertical edge", () => {
    const [found] = apply(nn.conv2d(1, 3, { bias: false }), edge, [1, 0, -1, 1, 0, -1, 1, 0, -1]);
    expect(found).toEqual([
      [0, 24, 24, 0],
      [0, 24, 24, 0],
      [0, 24, 24, 0],
      [0, 24, 24, 0],
    ]);
  });

  it("gives the sizes of padding and stride", () => {
    expect(shapeOf(nn.conv2d(1, 3), 6, 6, 1)).toEqual([4, 4, 1]);
    expect(shapeOf(nn.conv2d(1, 3, { padding: 1 }), 6, 6, 1)).toEqual([6, 6, 1]);
    expect(shapeOf(nn.conv2d(1, 3, { padding: "same" }), 6, 6, 1)).toEqual([6, 6, 1]);
    expect(shapeOf(nn.conv2d(1, 3, { stride: 2 }), 7, 7, 1)).toEqual([3, 3, 1]);
  });

  it("stacks the maps of six 5×5×3 filters to 28×28×6", () => {
    expect(shapeOf(nn.conv2d(6, 5), 32, 32, 3)).toEqual([28, 28, 6]);
  });

  it("sees 5×5 places through two 3×3 layers, and 7×7 through three", () => {
    const three = nn.build(nn.sequential({ a: nn.conv2d(2, 3), b: nn.conv2d(2, 3), c: nn.conv2d(2, 3) }), {
      input: [1, 9, 9, 1],
    });
    const fields = receptiveFields([three.outputs.logits], three.inputs.x);
    const sizes = ["a", "b", "c"].map((place) => fields.get(three.tap(place))?.map(({ size }) => size));
    expect(sizes).toEqual([
      [3, 3],
      [5, 5],
      [7, 7],
    ]);
  });
});

// biome-ignore format: pictures
const cross: Grid = [
  [-1, -1, -1, -1, -1, -1, -1, -1, -1],
  [-1,  1, -1, -1, -1, -1, -1,  1, -1],
  [-1, -1,  1, -1, -1, -1,  1, -1, -1],
  [-1, -1, -1,  1, -1,  1, -1, -1, -1],
  [-1, -1, -1, -1,  1, -1, -1, -1, -1],
  [-1, -1, -1,  1, -1,  1, -1, -1, -1],
  [-1, -1,  1, -1, -1, -1,  1, -1, -1],
  [-1,  1, -1, -1, -1, -1, -1,  1, -1],
  [-1, -1, -1, -1, -1, -1, -1, -1, -1],
];

// biome-ignore format: pictures and printed tables
const features = {
  falling: {
    filter: [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]],
    filtered: [
      [ 0.77, -0.11,  0.11,  0.33,  0.55, -0.11,  0.33],
      [-0.11,  1.00, -0.11,  0.33, -0.11,  0.11, -0.11],
      [ 0.11, -0.11,  1.00, -0.33,  0.11, -0.11,  0.55],
      [ 0.33,  0.33, -0.33,  0.55, -0.33,  0.33,  0.33],
      [ 0.55, -0.11,  0.11, -0.33,  1.00, -0.11,  0.11],
      [-0.11,  0.11, -0.11,  0.33, -0.11,  1.00, -0.11],
      [ 0.33, -0.11,  0.55,  0.33,  0.11, -0.11,  0.77],
    ],
    pooled: [
      [1.00, 0.33, 0.55, 0.33],
      [0.33, 1.00, 0.33, 0.55],
      [0.55, 0.33, 1.00, 0.11],
      [0.33, 0.55, 0.11, 0.77],
    ],
  },
  crossing: {
    filter: [[1, -1, 1], [-1, 1, -1], [1, -1, 1]],
    filtered: [
      [ 0.33, -0.55,  0.11, -0.11,  0.11, -0.55,  0.33],
      [-0.55,  0.55, -0.55,  0.33, -0.55,  0.55, -0.55],
      [ 0.11, -0.55,  0.55, -0.77,  0.55, -0.55,  0.11],
      [-0.11,  0.33, -0.77,  1.00, -0.77,  0.33, -0.11],
      [ 0.11, -0.55,  0.55, -0.77,  0.55, -0.55,  0.11],
      [-0.55,  0.55, -0.55,  0.33, -0.55,  0.55, -0.55],
      [ 0.33, -0.55,  0.11, -0.11,  0.11, -0.55,  0.33],
    ],
    pooled: [
      [0.55, 0.33, 0.55, 0.33],
      [0.33, 1.00, 0.55, 0.11],
      [0.55, 0.55, 0.55, 0.11],
      [0.33, 0.11, 0.11, 0.33],
    ],
  },
  rising: {
    filter: [[-1, -1, 1], [-1, 1, -1], [1, -1, -1]],
    filtered: [
      [ 0.33, -0.11,  0.55,  0.33,  0.11, -0.11,  0.77],
      [-0.11,  0.11, -0.11,  0.33, -0.11,  1.00, -0.11],
      [ 0.55, -0.11,  0.11, -0.33,  1.00, -0.11,  0.11],
      [ 0.33,  0.33, -0.33,  0.55, -0.33,  0.33,  0.33],
      [ 0.11, -0.11,  1.00, -0.33,  0.11, -0.11,  0.55],
      [-0.11,  1.00, -0.11,  0.33, -0.11,  0.11, -0.11],
      [ 0.77, -0.11,  0.11,  0.33,  0.55, -0.11,  0.33],
    ],
    pooled: [
      [0.33, 0.55, 1.00, 0.77],
      [0.55, 0.55, 1.00, 0.33],
      [1.00, 1.00, 0.11, 0.55],
      [0.77, 0.33, 0.55, 0.33],
    ],
  },
} as const;

/** A sum over nine pixels as the lecture prints its mean: two decimals, the rest cut off (7/9 is 0.77, −7/9 is −0.77). */
function printed(grid: Grid): number[][] {
  return grid.map((row) => row.map((sum) => Math.trunc((100 * sum) / 9) / 100 + 0));
}

describe("an X among Os (HPML, NYU)", () => {
  it.each(Object.entries(features))("finds the %s stroke", (_, { filter, filtered }) => {
    const [sums] = apply(nn.conv2d(1, 3, { bias: false }), cross, filter.flat());
    expect(printed(sums)).toEqual(filtered);
  });

  it.each(Object.entries(features))("keeps what is positive of the %s stroke", (_, { filter, filtered }) => {
    const layer = nn.sequential({ conv: nn.conv2d(1, 3, { bias: false }), relu: nn.relu() });
    const [sums] = apply(layer, cross, filter.flat());
    expect(printed(sums)).toEqual(filtered.map((row) => row.map((value) => Math.max(0, value))));
  });

  it.each(Object.entries(features))(
    "shrinks the %s stroke's map from 7×7 to 4×4",
    (_, { filter, pooled }) => {
      const layer = nn.sequential({
        conv: nn.conv2d(1, 3, { bias: false }),
        pool: nn.maxPool2d(2, { rounding: "ceil" }),
      });
      const [sums] = apply(layer, cross, filter.flat());
      expect(printed(sums)).toEqual(pooled);
    },
  );
});

describe("sizes and parameters (Bucharest)", () => {
  it("fits 3×3 on 7×7 with stride 1 and 2, and not with stride 3", () => {
    const size = (stride: number) => shapeOf(nn.conv2d(1, 3, { stride, rounding: "exact" }), 7, 7, 1);
    expect(size(1)).toEqual([5, 5, 1]);
    expect(size(2)).toEqual([3, 3, 1]);
    expect(() => size(3)).toThrow(ShapeError);
    expect(() => size(3)).toThrow("(7 + 0 − 3) / 3 + 1 is not whole");
    // Where nothing else is asked for, what does not fit is left out.
    expect(shapeOf(nn.conv2d(1, 3, { stride: 3 }), 7, 7, 1)).toEqual([2, 2, 1]);
  });

  it("keeps sizes with padding (F − 1)/2", () => {
    expect(shapeOf(nn.conv2d(1, 3, { padding: 1 }), 7, 7, 1)).toEqual([7, 7, 1]);
    for (const [kernel, padding] of [
      [3, 1],
      [5, 2],
      [7, 3],
    ])
      expect(shapeOf(nn.conv2d(4, kernel, { padding }), 32, 32, 3)).toEqual([32, 32, 4]);
  });

  it("shrinks 32 to 28 to 24 under 5×5 filters", () => {
    expect(shapeOf(nn.sequential([nn.conv2d(6, 5), nn.conv2d(10, 5)]), 32, 32, 3)).toEqual([24, 24, 10]);
  });

  it("counts 76 parameters a filter and 760 for ten, which give 32×32×10", () => {
    const layer = nn.conv2d(10, 5, { padding: 2 });
    expect(shapeOf(layer, 32, 32, 3)).toEqual([32, 32, 10]);
    expect(parametersOf(nn.conv2d(1, 5, { padding: 2 }), 32, 32, 3)).toBe(76);
    expect(parametersOf(layer, 32, 32, 3)).toBe(760);
  });
});

describe("deep networks in numbers (after CS231n)", () => {
  const three = (c: number) => nn.conv2d(c, 3, { padding: 1, bias: false });

  it("has fewer parameters in three 3×3 layers than in one 7×7, which sees as much", () => {
    const c = 8;
    expect(
      parametersOf(
        nn.repeat(3, () => three(c)),
        16,
        16,
        c,
      ),
    ).toBe(3 * 3 ** 2 * c ** 2);
    expect(parametersOf(nn.conv2d(c, 7, { bias: false }), 16, 16, c)).toBe(7 ** 2 * c ** 2);
  });

  // [name, places of an edge, channels, thousands of numbers kept, parameters without biases]
  // biome-ignore format: rows as printed
  const vgg16 = [
    ["conv3-64", 224, 64, "3.2M", 1_728], ["conv3-64", 224, 64, "3.2M", 36_864], ["pool2", 112, 64, "800K", 0],
    ["conv3-128", 112, 128, "1.6M", 73_728], ["conv3-128", 112, 128, "1.6M", 147_456], ["pool2", 56, 128, "400K", 0],
    ["conv3-256", 56, 256, "800K", 294_912], ["conv3-256", 56, 256, "800K", 589_824],
    ["conv3-256", 56, 256, "800K", 589_824], ["pool2", 28, 256, "200K", 0],
    ["conv3-512", 28, 512, "400K", 1_179_648], ["conv3-512", 28, 512, "400K", 2_359_296],
    ["conv3-512", 28, 512, "400K", 2_359_296], ["pool2", 14, 512, "100K", 0],
    ["conv3-512", 14, 512, "100K", 2_359_296], ["conv3-512", 14, 512, "100K", 2_359_296],
    ["conv3-512", 14, 512, "100K", 2_359_296], ["pool2", 7, 512, "25K", 0],
    ["fc", 1, 4096, "4K", 102_760_448], ["fc", 1, 4096, "4K", 16_777_216], ["fc", 1, 1000, "1K", 4_096_000],
  ] as const;

  it("has the rows of VGG-16's table of memory and parameters", () => {
    const layers = vgg16.flatMap(([name, , channels]): nn.Layer[] => {
      if (name === "pool2") return [nn.maxPool2d(2)];
      if (name === "fc") return [nn.flatten(), nn.linear(channels, { bias: false })];
      return [three(channels), nn.relu()];
    });
    const { rows, totals } = summarize(nn.build(nn.sequential(layers), { input: [1, 224, 224, 3] }));
    const kept = rows.filter((row) => row.activationBytes > 0);
    expect(
      kept.map((row) => [...row.outputShape.slice(0, -1), row.outputShape.at(-1), row.parameters]),
    ).toEqual(
      vgg16.map(([name, edge, channels, , parameters]) =>
        name === "fc" ? [channels, parameters] : [edge, edge, channels, parameters],
      ),
    );
    for (const [i, [, , , printed]] of vgg16.entries()) {
      const unit = printed.endsWith("M") ? 1e6 : 1e3;
      // The lecture keeps one or two digits: 802,816 is its 800K, and its 98K are 100K.
      expect(kept[i].activationBytes / 4 / unit / Number.parseFloat(printed)).toBeCloseTo(1, 1);
    }
    expect(totals.parameters).toBe(138_344_128);
    // The lecture's total of 24 M numbers, 93 MB or 96 MB, is not the sum of its own rows, which is 15.2 M, 61 MB.
    expect(totals.forwardBytes).toBe(4 * 15_237_608);
  });

  it("counts 854 M multiply-adds in the naive Inception module and 271 M with bottlenecks", () => {
    const macs = (layer: nn.Layer) => {
      const network = nn.build(layer, { input: [1, 28, 28, 256] });
      return [network.outputs.logits.shape.slice(1), summarize(network).totals.macs];
    };
    const one = (channels: number) => nn.conv2d(channels, 1);
    const pool = () => nn.maxPool2d(3, { stride: 1, padding: 1 });
    const [conv3, conv5] = [nn.conv2d(192, 3, { padding: 1 }), nn.conv2d(96, 5, { padding: 2 })];
    const naive = nn.branches([one(128), conv3, conv5, pool()]);
    const reduced = nn.branches([
      one(128),
      nn.sequential([one(64), conv3]),
      nn.sequential([one(64), conv5]),
      nn.sequential([pool(), one(64)]),
    ]);
    expect(macs(naive)).toEqual([[28, 28, 672], 854_196_224]);
    // The lecture prints 358 M, which its own six rows do not add up to.
    expect(macs(reduced)).toEqual([[28, 28, 480], 271_351_808]);
  });
});
