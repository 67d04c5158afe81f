import { input } from "../../src/ops/operation.ts";
import { type TransposedConv2dAttributes, transposedConv2d } from "../../src/ops/transposed-conv2d.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { type Case, withGradients } from "./case.ts";

const sizes: Readonly<
  Record<string, readonly [x: Shape, weight: Shape, attributes?: TransposedConv2dAttributes]>
> = {
  "3×3": [
    [2, 3, 4, 3],
    [3, 3, 5, 3],
  ],
  "2×2, stride 2": [[1, 5, 3, 16], [2, 2, 8, 16], { stride: 2 }],
  "4×4, stride 2": [[1, 4, 4, 7], [4, 4, 5, 7], { stride: 2, padding: 1 }],
  "3×3, stride 2, output padding": [[1, 4, 3, 8], [3, 3, 8, 8], { stride: 2, padding: 1, outputPadding: 1 }],
  "stride over kernel": [[1, 3, 3, 2], [2, 2, 3, 2], { stride: 3 }],
  "a single pixel": [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ],
  "1×1 maps to 4×4, 33 to 17 channels": [
    [3, 1, 1, 33],
    [4, 4, 17, 33],
  ],
  "3×2, strides 3 and 1, 5 to 19 channels": [
    [1, 4, 5, 5],
    [3, 2, 19, 5],
    { stride: [3, 1], padding: [1, 0] },
  ],
  "channels apart": [[1, 3, 4, 7], [4, 4, 1, 7], { stride: 2, padding: 1, groups: 7 }],
  "groups and dilation": [[1, 3, 4, 6], [3, 3, 2, 6], { stride: 2, dilation: 2, groups: 2 }],
};

export const cases: readonly Case[] = Object.entries(sizes).map(
  ([name, [xShape, weightShape, attributes]]) => ({
    name: `transposedConv2d: ${name}`,
    build() {
      const [x, weight] = [input("x", xShape), input("weight", weightShape)];
      const bias = input("bias", [weightShape[2] * (attributes?.groups ?? 1)]);
      const y = transposedConv2d({ x, weight, bias }, attributes ?? {});
      return { outputs: withGradients(y, [x, weight, bias]), terms: 200 };
    },
  }),
);
