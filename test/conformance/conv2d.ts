import { add } from "../../src/ops/add.ts";
import {
  type Conv2dAttributes,
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
} from "../../src/ops/conv2d.ts";
import { input } from "../../src/ops/operation.ts";
import { relu } from "../../src/ops/relu.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import type { Case } from "./case.ts";

/** Sizes: x, weight and options. Each is run forwards and in both gradients. */
const sizes: Readonly<Record<string, readonly [x: Shape, weight: Shape, attributes?: Conv2dAttributes]>> = {
  "3×3 over an odd image": [[2, 5, 7, 3], [3, 3, 3, 5], { padding: 1 }],
  "a single pixel": [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ],
  "3×3 on a single pixel": [[1, 1, 1, 8], [3, 3, 8, 8], { padding: 1 }],
  "first layer of LeNet": [[2, 8, 8, 1], [5, 5, 1, 6], { padding: 2 }],
  "first layer of AlexNet": [[1, 23, 27, 3], [11, 11, 3, 16], { stride: 4, padding: 2 }],
  "first layer of ResNet": [[1, 15, 17, 3], [7, 7, 3, 16], { stride: 2, padding: 3 }],
  "first layer of VGG": [[1, 9, 9, 3], [3, 3, 3, 16], { padding: 1 }],
  "8 to 16 channels": [[1, 6, 6, 8], [3, 3, 8, 16], { padding: 1 }],
  "16 to 33 channels": [[1, 5, 5, 16], [3, 3, 16, 33], { padding: 1 }],
  "33 to 8 channels": [[1, 5, 5, 33], [3, 3, 33, 8], { padding: 1 }],
  "64 channels on a small image": [[1, 7, 7, 64], [3, 3, 64, 64], { padding: 1 }],
  "32 channels, rows longer than a tile": [[1, 13, 37, 32], [3, 3, 32, 32], { padding: 1 }],
  "32 channels, no padding": [
    [1, 14, 14, 32],
    [3, 3, 32, 16],
  ],
  // Gradients of filters over many places, of few and of long sums, and of columns that fill no panel.
  "3×3, stride 2, 64 channels over a batch": [[2, 17, 15, 64], [3, 3, 64, 64], { stride: 2, padding: 1 }],
  "1×1, 70 to 66 channels over 84 places": [
    [1, 12, 7, 70],
    [1, 1, 70, 66],
  ],
  "1×1, 64 channels over 2,310 places": [
    [2, 35, 33, 64],
    [1, 1, 64, 64],
  ],
  // Rows of 7 pixels, and of each phase of a gradient.
  "3×3, stride 2, to rows of 7, 96 channels": [[1, 14, 14, 48], [3, 3, 48, 96], { stride: 2, padding: 1 }],
  "1×1, 24 to 40 channels over 61 places": [
    [1, 61, 1, 24],
    [1, 1, 24, 40],
  ],
  "1×1, stride 2, to rows of 7, 96 channels": [[2, 13, 13, 48], [1, 1, 48, 96], { stride: 2 }],
  "one filter": [[2, 6, 5, 7], [3, 3, 7, 1], { padding: 1 }],
  "a batch of 5": [[5, 4, 4, 4], [3, 3, 4, 12], { padding: 1 }],
  "1×1, 7 to 9 channels": [
    [2, 3, 5, 7],
    [1, 1, 7, 9],
  ],
  "1×1, 64 to 48 channels": [
    [1, 7, 7, 64],
    [1, 1, 64, 48],
  ],
  // Sums that native code cuts into blocks, with vectors of 512 bits and of 256.
  "1×1, a sum of 1,900": [
    [1, 5, 6, 1900],
    [1, 1, 1900, 144],
  ],
  "1×1, a sum of 7,200": [
    [1, 5, 5, 7200],
    [1, 1, 7200, 40],
  ],
  "5×5, a sum of 2,400": [[1, 6, 17, 96], [5, 5, 96, 72], { padding: 2 }],
  "5×5 over two images of 7×7, a sum of 2,000": [[2, 7, 7, 80], [5, 5, 80, 72], { padding: 2 }],
  "3×3, stride 2, to 7×7, a sum of 2,088": [[1, 13, 13, 232], [3, 3, 232, 70], { stride: 2, padding: 1 }],
  // A filter with more numbers than a cache has, over few places.
  "5×5, stride 2, 104 channels, two images to 6×6": [
    [2, 11, 11, 104],
    [5, 5, 104, 104],
    { stride: 2, padding: 2 },
  ],
  "1×1, stride 2": [[1, 7, 8, 16], [1, 1, 16, 24], { stride: 2 }],
  "3×3, stride 2, odd": [[1, 9, 9, 16], [3, 3, 16, 16], { stride: 2, padding: 1 }],
  "3×3, stride 2, even": [[2, 8, 6, 5], [3, 3, 5, 7], { stride: 2, padding: 1 }],
  "5×5 over 5×5, a batch of 4": [[4, 5, 5, 8], [5, 5, 8, 16], { padding: 2 }],
  // Gradients of few input channels over a batch, which native code takes from products of the filter's taps.
  "second layer of LeNet over a batch": [
    [17, 8, 9, 6],
    [5, 5, 6, 16],
  ],
  "5×4 of 3 channels over a batch": [[16, 5, 6, 3], [5, 4, 3, 20], { padding: [2, 1] }],
  "padding over the kernel, 2 channels over a batch": [[16, 4, 3, 2], [3, 3, 2, 24], { padding: 3 }],
  // Few filters, whose neighbours in a row share a vector in native code.
  "5×5, 1 to 6 channels over a batch": [[3, 9, 12, 1], [5, 5, 1, 6], { padding: 2 }],
  "3×5, stride 2, 3 to 4 channels, rows of 9": [[2, 8, 17, 3], [3, 5, 3, 4], { stride: 2, padding: [0, 2] }],
  "3×4, 5 to 3 channels, rows of 15": [
    [2, 6, 18, 5],
    [3, 4, 5, 3],
  ],
  "stride and dilation 2, 2 to 5 channels": [
    [1, 9, 15, 2],
    [3, 3, 2, 5],
    { stride: 2, dilation: 2, padding: 2 },
  ],
  "1×9, 4 to 1 channels": [[2, 5, 16, 4], [1, 9, 4, 1], { padding: [0, 4] }],
  "3×3, stride 2, to 3×3": [[2, 5, 5, 8], [3, 3, 8, 16], { stride: 2, padding: 1 }],
  "3×3, stride 2, to 2×2": [[2, 3, 3, 16], [3, 3, 16, 16], { stride: 2, padding: 1 }],
  "5×5, stride 3": [[1, 11, 10, 3], [5, 5, 3, 8], { stride: 3, padding: 2 }],
  "stride over kernel": [[1, 8, 7, 3], [2, 2, 3, 5], { stride: 3 }],
  "stride over image": [[1, 3, 3, 2], [3, 3, 2, 3], { stride: 5 }],
  "4×4 patches": [[1, 8, 12, 3], [4, 4, 3, 16], { stride: 4 }],
  "dilation 2": [[1, 9, 7, 4], [3, 3, 4, 8], { padding: 2, dilation: 2 }],
  "dilation 3, stride 2": [[1, 11, 11, 3], [3, 3, 3, 5], { padding: 2, dilation: 3, stride: 2 }],
  "dilation over stride": [[1, 9, 9, 2], [2, 3, 2, 4], { dilation: [4, 3], stride: [3, 2] }],
  "1×7": [[1, 5, 9, 8], [1, 7, 8, 8], { padding: [0, 3] }],
  "7×1": [[1, 9, 5, 8], [7, 1, 8, 8], { padding: [3, 0] }],
  "different along both axes": [[1, 7, 6, 3], [3, 2, 3, 4], { stride: [1, 2], padding: [2, 0] }],
  "padding of each side": [[1, 6, 7, 3], [3, 3, 3, 8], { padding: { top: 1, bottom: 0, left: 2, right: 1 } }],
  "same, stride 2": [[1, 7, 8, 4], [3, 3, 4, 8], { padding: "same", stride: 2 }],
  "same, even kernel": [[1, 5, 5, 3], [4, 2, 3, 5], { padding: "same" }],
  "padding over the kernel": [[1, 3, 3, 2], [2, 2, 2, 3], { padding: 3 }],
  "2 groups": [[2, 5, 5, 6], [3, 3, 3, 8], { padding: 1, groups: 2 }],
  "4 groups of 8": [[1, 5, 6, 32], [3, 3, 8, 32], { padding: 1, groups: 4 }],
  "3 groups, 1×1": [[1, 4, 4, 15], [1, 1, 5, 9], { groups: 3 }],
  "groups, stride and dilation": [
    [2, 11, 9, 10],
    [3, 3, 5, 6],
    { stride: 2, dilation: 2, padding: 1, groups: 2 },
  ],
  "depthwise, dilation 2, 19 channels": [
    [1, 7, 8, 19],
    [3, 3, 1, 19],
    { padding: 2, dilation: 2, groups: 19 },
  ],
  "depthwise, stride over kernel": [[1, 9, 8, 5], [2, 2, 1, 5], { stride: 3, groups: 5 }],
  "depthwise on a single pixel": [[2, 1, 1, 3], [3, 3, 1, 3], { padding: 1, groups: 3 }],
  "depthwise, 8 channels": [[1, 7, 6, 8], [3, 3, 1, 8], { padding: 1, groups: 8 }],
  "depthwise, 33 channels, stride 2": [[1, 7, 7, 33], [3, 3, 1, 33], { padding: 1, groups: 33, stride: 2 }],
  "depthwise, 5×5, 17 channels": [[2, 6, 5, 17], [5, 5, 1, 17], { padding: 2, groups: 17 }],
  "depthwise, 24 channels, 15 columns": [[2, 5, 15, 24], [3, 3, 1, 24], { padding: 1, groups: 24 }],
  "depthwise, 16 channels, 13 columns, stride 2": [
    [1, 6, 13, 16],
    [5, 3, 1, 16],
    { padding: 1, stride: 2, groups: 16 },
  ],
  // Rows so long that native code goes through them in blocks.
  "depthwise, rows of 70 places, 64 channels": [[2, 13, 70, 64], [3, 3, 1, 64], { padding: 1, groups: 64 }],
  "depthwise, rows of 75 places, stride 2, 64 channels": [
    [1, 26, 75, 64],
    [3, 3, 1, 64],
    { padding: 1, groups: 64, stride: 2 },
  ],
  "depthwise, 2 filters a channel": [[1, 5, 5, 6], [3, 3, 1, 12], { padding: 1, groups: 6 }],
};

const passes: readonly Case[] = Object.entries(sizes).flatMap(([name, [xShape, weightShape, options]]) => {
  const attributes = options ?? {};
  const tensors = () => {
    const x = input("x", xShape);
    const weight = input("weight", weightShape);
    const y = conv2d({ x, weight, bias: input("bias", [weightShape[3]]) }, attributes);
    return { x, weight, y, dy: input("dy", y.shape) };
  };
  const [r, s, c, k] = weightShape;
  return [
    {
      name: `conv2d: ${name}`,
      build: () => ({ outputs: [tensors().y], terms: r * s * c }),
    },
    {
      name: `conv2dInputGradient: ${name}`,
      build() {
        const { dy, weight } = tensors();
        const dx = conv2dInputGradient({ dy, weight }, { ...attributes, inputShape: xShape });
        return { outputs: [dx], terms: r * s * (k / (attributes.groups ?? 1)) };
      },
    },
    {
      name: `conv2dWeightGradient: ${name}`,
      build() {
        const { x, dy } = tensors();
        const dWeight = conv2dWeightGradient({ x, dy }, { ...attributes, weightShape });
        return { outputs: [dWeight], terms: dy.shape[0] * dy.shape[1] * dy.shape[2] };
      },
    },
  ];
});

/** What follows a sum in blocks, where its last one ends. */
const finished: readonly Case[] = [
  "1×1, a sum of 1,900",
  "5×5 over two images of 7×7, a sum of 2,000",
  "3×3, stride 2, to 7×7, a sum of 2,088",
].map((name) => ({
  name: `conv2d: ${name}, residual, ReLU`,
  build() {
    const [xShape, weightShape, attributes = {}] = sizes[name];
    const [r, s, c, k] = weightShape;
    const [x, weight, bias] = [input("x", xShape), input("weight", weightShape), input("bias", [k])];
    const y = conv2d({ x, weight, bias }, attributes);
    const sum = add({ a: y, b: input("shortcut", y.shape) }, {});
    return { outputs: [relu({ x: sum }, {})], terms: r * s * c };
  },
}));

export const cases: readonly Case[] = [...passes, ...finished];
