/**
 * The worked examples of the university lectures that Striate follows, to the decimals they print: sizes, the edge filter,
 * the X among the Os, parameters and memory.
 */

import { describe, expect, it } from "vitest";
import { evaluate } from "../src/engines/js/evaluate.ts";
import { modelNamed, receptiveFields, type SummaryRow, summarize } from "../src/models/index.ts";
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

  it("counts 854 M multiply-adds in the naive Inception module and 271 M with bottlenecks, printed as 358 M", () => {
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
    expect(macs(reduced)).toEqual([[28, 28, 480], 271_351_808]);
    // The lectures' 358 M are their six rows with the 3×3 of 192 filters on 64 channels added twice.
    expect(271_351_808 + 28 * 28 * 192 * 3 * 3 * 64).toBe(358_055_936);
  });
});

/** The table of a model of the registry. */
function tableOf(name: string) {
  const { build, input } = modelNamed(name);
  return summarize(nn.build(build(), { input: [1, ...input] }));
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

const neurons = ({ outputShape }: SummaryRow) => sizeOf(outputShape);

describe("networks of the zoo in numbers", () => {
  it("has AlexNet's neurons and the first layer's 34,944 parameters (Network structures, Bucharest)", () => {
    const { rows } = tableOf("alexnet-2gpu");
    const layers = rows.filter(({ parameters }) => parameters > 0);
    // One lecture has 253,440 for the first layer, the paper's print; 55·55·96 are the 290,400 of the other.
    expect(layers.map(neurons)).toEqual([290_400, 186_624, 64_896, 64_896, 43_264, 4_096, 4_096, 1_000]);
    expect(layers[0]).toMatchObject({ outputShape: [55, 55, 96], parameters: 34_944 });
    expect(layers[0].receptiveField?.[0]).toEqual({ size: 11, stride: 4, start: 0 });
  });

  // [row, kilobytes that the table prints as "params", parameters of ours], a K being 1,024 there; operations are multiply-adds.
  // Where ours are not the print's to its last digit, the note has what they are there.
  // biome-ignore format: rows as printed
  const googlenet = [
    ["conv1",  "2.7K",       9_472, "34M",    118_013_952], // a 7×7 of 64 filters has 9.25K and 118M: the print is of another layer
    ["conv2",  "112K",     114_944, "360M",   359_661_568], // its 1×1 and 3×3, conv2 and conv3 here
    ["3a",     "159K",     163_696, "128M",   128_049_152],
    ["3b",     "380K",     388_736, "304M",   304_267_264],
    ["4a",     "364K",     376_176, "73M",     73_608_192], // 367K
    ["4b",     "437K",     449_160, "88M",     87_908_352], // 439K
    ["4c",     "463K",     510_104, "100M",    99_850_240], // 498K
    ["4d",     "580K",     605_376, "119M",   118_515_712], // 591K
    ["4e",     "840K",     868_352, "170M",   169_996_288], // 848K
    ["5a",     "1072K",  1_043_456, "54M",     51_079_168], // 1,019K and 51M
    ["5b",     "1388K",  1_444_080, "71M",     70_697_984], // 1,410K
    ["linear", "1000K",  1_025_000, "1M",       1_024_000],
  ] as const;

  it("has the rows of GoogLeNet's Table 1, with its columns of parameters and operations (Prague)", () => {
    const { rows } = tableOf("googlenet");
    const of = (row: string) => {
      const places = { conv2: ["conv2", "conv3"], linear: ["fc"] }[row] ?? [
        /^\d/.test(row) ? `inception${row}` : row,
      ];
      const mine = rows.filter(({ name }) => places.includes(name.split(".")[0]));
      const sum = (count: (row: SummaryRow) => number) =>
        mine.reduce((total, each) => total + count(each), 0);
      return [sum(({ parameters }) => parameters), sum(({ macs }) => macs)];
    };
    expect(googlenet.map(([row]) => [row, ...of(row)])).toEqual(
      googlenet.map(([row, , parameters, , macs]) => [row, parameters, macs]),
    );
    // Print and arithmetic within a tenth, but for the first layer: what differs more is noted in its row.
    for (const [row, kilo, parameters, mega, macs] of googlenet.slice(1)) {
      expect([row, Math.abs(parameters / 1024 / Number.parseFloat(kilo) - 1) < 0.1]).toEqual([row, true]);
      expect([row, Math.abs(macs / 1e6 / Number.parseFloat(mega) - 1) < 0.06]).toEqual([row, true]);
    }
  });

  it("has 163,328 weights in inception 3a, and 387,072 without its reductions (Network structures)", () => {
    const { parameters } = nn.build(modelNamed("googlenet").build(), { input: [1, 224, 224, 3] });
    const reduced = parameters.filter(({ name }) => /^inception3a\..*weight$/.test(name));
    expect(reduced.reduce((total, { shape }) => total + sizeOf(shape), 0)).toBe(163_328);
    const naive = nn.branches([
      nn.conv2d(64, 1, { bias: false }),
      nn.conv2d(128, 3, { padding: 1, bias: false }),
      nn.conv2d(32, 5, { padding: 2, bias: false }),
      nn.maxPool2d(3, { stride: 1, padding: 1 }),
    ]);
    expect(shapeOf(naive, 28, 28, 192)).toEqual([28, 28, 416]);
    expect(parametersOf(naive, 28, 28, 192)).toBe(387_072);
  });

  it("has VGG's 133, 133, 134, 138 and 144 million parameters (Prague, Bucharest)", () => {
    const millions = ["vgg11", "vgg13", "vgg16-c", "vgg16", "vgg19"].map((name) =>
      Math.round(tableOf(name).totals.parameters / 1e6),
    );
    expect(millions).toEqual([133, 133, 134, 138, 144]);
  });

  it("keeps 61 MB an image in VGG-16, where the lectures' total is 96 MB (after CS231n)", () => {
    const { rows, totals } = tableOf("vgg16");
    const kept = rows.filter(({ activationBytes }) => activationBytes > 0);
    expect(kept.reduce((total, row) => total + neurons(row), 0)).toBe(15_237_608 - 224 * 224 * 3);
    expect(totals.forwardBytes).toBe(60_950_432);
    // "24M * 4 bytes ~= 96MB / image": its own rows add up to 15.2 M. With every ReLU as a map of its own they are 28.8 M.
    const withRelu =
      totals.forwardBytes / 4 + rows.reduce((t, row) => t + (row.kind === "relu" ? neurons(row) : 0), 0);
    expect([withRelu > 24e6, totals.forwardBytes / 4 < 24e6]).toEqual([true, true]);
  });

  // Billions, as Table 1 of the ResNet paper prints them for multiply-adds: those of 34 and 50 layers are cut, not rounded.
  it.each([
    ["resnet18", "1.8", 1_814_073_344],
    ["resnet34", "3.6", 3_663_761_408],
    ["resnet50-v1", "3.8", 3_857_973_248],
    ["resnet101-v1", "7.6", 7_570_194_432],
    ["resnet152-v1", "11.3", 11_282_415_616],
  ])("has the operations of %s: %s·10⁹ (Prague, Bucharest)", (name, printed, macs) => {
    expect(tableOf(name).totals.macs).toBe(macs);
    const digits = macs / 1e9;
    expect([digits.toFixed(1), (Math.floor(10 * digits) / 10).toFixed(1)]).toContain(printed);
  });

  it("has Xception's 22,855,952 parameters and, with its Keras form, Inception v3's 23,626,728 (Network structures)", () => {
    // Trained numbers: Keras counts 22,910,480 for Xception with the moving statistics.
    expect(tableOf("xception").totals.parameters).toBe(22_855_952);
    const { parameters } = nn.build(modelNamed("inception-v3").build(), { input: [1, 299, 299, 3] });
    const count = (end: RegExp) =>
      parameters.reduce((total, each) => total + (end.test(each.name) ? sizeOf(each.shape) : 0), 0);
    const [all, scales] = [count(/./), count(/\.bn\.weight$/)];
    // torchvision's trained numbers; Keras has no scales in batch norm, and adds two moving statistics for each.
    expect([all, all - scales, all - scales + 2 * scales]).toEqual([23_834_568, 23_817_352, 23_851_784]);
    // The print counts the trained numbers of Keras' first form of it, the author's own: each filter has a bias besides batch
    // norm's scale and shift, all pooling branches at 35×35 have 32 filters, and one reduction to 192 is one to 160.
    const filters = parameters.filter(({ kind }) => kind === "filter");
    const ofKeras = filters.map(({ name, shape: [r, s, c, k] }) => {
      const place = name.replace(".conv.weight", "");
      const from = { "288": 256, "768": /^Mixed_6b/.test(place) ? 736 : 768 }[c] ?? c;
      const read = place === "Mixed_6e.branch7x7dbl_2" ? 160 : from;
      const filtered = /^Mixed_5.\.branch_pool$/.test(place) ? 32 : k;
      const written = place === "Mixed_6e.branch7x7dbl_1" ? 160 : filtered;
      return r * s * read * written + 3 * written;
    });
    expect(ofKeras.reduce((a, b) => a + b, 2048 * 1000 + 1000)).toBe(23_626_728);
  });
});
