/** 3×3 convolutions at stride 1 with enough channels for Winograd's algorithms, on images that tiles do not divide. */

import { add } from "../../src/ops/add.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { input } from "../../src/ops/operation.ts";
import { relu } from "../../src/ops/relu.ts";
import { type Case, withGradients } from "./case.ts";

/** Height, width, channels in and out, and images. */
const sizes: readonly (readonly [h: number, w: number, c: number, k: number, n: number])[] = [
  [4, 4, 16, 16, 3],
  [6, 6, 16, 24, 8],
  [7, 7, 32, 32, 4],
  [8, 8, 17, 16, 1],
  [7, 13, 24, 33, 3],
  [13, 6, 16, 48, 1],
  [14, 14, 32, 32, 1],
  [14, 14, 16, 16, 4],
  [28, 28, 16, 16, 1],
  [5, 28, 64, 32, 1],
  [37, 10, 16, 16, 8],
  [13, 13, 16, 20, 16],
  [6, 6, 32, 32, 40],
  [8, 60, 48, 16, 12],
  // Many filters for few tiles.
  [13, 14, 64, 64, 4],
  [7, 7, 64, 72, 12],
];

export const cases: readonly Case[] = sizes.flatMap(([h, w, c, k, n]) => {
  const of = `${n} × ${h}×${w}, ${c} to ${k} channels`;
  const tensors = (padding = 1) => {
    const x = input("x", [n, h, w, c]);
    const weight = input("weight", [3, 3, c, k]);
    return { x, weight, bias: input("bias", [k]), padding };
  };
  return [
    {
      name: `winograd: ${of}, bias, gradients`,
      build() {
        const { x, weight, bias, padding } = tensors();
        const y = conv2d({ x, weight, bias }, { padding });
        return { outputs: withGradients(y, [x, weight, bias]), terms: Math.max(9 * c, 9 * k, n * h * w) };
      },
    },
    {
      name: `winograd: ${of}, residual, ReLU, no padding`,
      build() {
        const { x, weight, bias } = tensors();
        const plain = conv2d({ x, weight, bias }, {});
        const shortcut = input("shortcut", plain.shape);
        return { outputs: [relu({ x: add({ a: plain, b: shortcut }, {}) }, {})], terms: 9 * c };
      },
    },
  ];
});
