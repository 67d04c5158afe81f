import { type AvgPool2dAttributes, avgPool2d } from "../../src/ops/avg-pool2d.ts";
import {
  globalAveragePool2d,
  globalMaxPool2d,
  globalMaxPool2dIndices,
  takeFromImages,
} from "../../src/ops/global-pool2d.ts";
import {
  type MaxPool2dAttributes,
  maxPool2d,
  maxPool2dIndices,
  takeFromWindows,
} from "../../src/ops/max-pool2d.ts";
import { input } from "../../src/ops/operation.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { type Case, withGradients } from "./case.ts";

type Sizes<A> = Readonly<Record<string, readonly [x: Shape, attributes: A]>>;

const maxima: Sizes<MaxPool2dAttributes> = {
  "2×2": [[2, 6, 4, 8], { kernel: 2 }],
  "2×2, odd": [[1, 7, 5, 5], { kernel: 2 }],
  "2×2, odd, rounded up": [[1, 7, 5, 33], { kernel: 2, rounding: "ceil" }],
  "3×3, stride 2": [[1, 9, 7, 16], { kernel: 3, stride: 2 }],
  "3×3, stride 2, padding": [[1, 8, 9, 7], { kernel: 3, stride: 2, padding: 1 }],
  "3×3, stride 1": [[1, 4, 5, 3], { kernel: 3, stride: 1, padding: 1 }],
  dilation: [[1, 9, 8, 4], { kernel: 3, stride: 2, padding: 1, dilation: 2 }],
  "stride over kernel": [[1, 8, 7, 3], { kernel: 2, stride: 3 }],
  "different along both axes": [[2, 7, 6, 5], { kernel: [1, 3], stride: [2, 1], padding: [0, 1] }],
  "a single pixel": [[3, 1, 1, 1], { kernel: 1 }],
};

const means: Sizes<AvgPool2dAttributes> = {
  "2×2": [[2, 6, 4, 8], { kernel: 2 }],
  "7×7": [[1, 7, 7, 33], { kernel: 7 }],
  "3×3, stride 2, padding": [[1, 8, 9, 7], { kernel: 3, stride: 2, padding: 1 }],
  "padding not counted": [[1, 7, 6, 5], { kernel: 3, stride: 2, padding: 1, countIncludePad: false }],
  "rounded up": [[1, 8, 7, 16], { kernel: 3, stride: 2, padding: 1, rounding: "ceil" }],
  same: [[1, 5, 5, 3], { kernel: 3, stride: 1, padding: "same", countIncludePad: false }],
  "stride over kernel": [[1, 8, 7, 17], { kernel: 2, stride: 3 }],
  "different along both axes": [[2, 7, 6, 5], { kernel: [1, 3], stride: [2, 1], padding: [0, 1] }],
  "a single pixel": [[3, 1, 1, 1], { kernel: 1 }],
};

export const cases: readonly Case[] = [
  ...Object.entries(maxima).map(([name, [shape, attributes]]) => ({
    name: `maxPool2d: ${name}`,
    build() {
      const x = input("x", shape);
      return {
        outputs: [...withGradients(maxPool2d({ x }, attributes), [x]), maxPool2dIndices({ x }, attributes)],
      };
    },
  })),
  // What is taken where maxima lie, as gradients of gradients do.
  {
    name: "takeFromWindows: of another map, where the first has its maxima",
    build() {
      const [x, other] = [input("x", [2, 7, 6, 19]), input("other", [2, 7, 6, 19])];
      const attributes = { kernel: 3, stride: 2, padding: 1 };
      const indices = maxPool2dIndices({ x }, attributes);
      return {
        outputs: withGradients(takeFromWindows({ x: other, indices }, attributes), [other]),
        terms: 9,
      };
    },
  },
  {
    name: "takeFromImages: of another map, where the first has its maxima",
    build() {
      const [x, other] = [input("x", [3, 5, 4, 17]), input("other", [3, 5, 4, 17])];
      const indices = globalMaxPool2dIndices({ x }, {});
      return { outputs: withGradients(takeFromImages({ x: other, indices }, {}), [other]), terms: 20 };
    },
  },
  {
    name: "maxPool2d: ties go to the first",
    build() {
      const x = input("x", [1, 6, 6, 9]);
      const ties = Float32Array.from({ length: 324 }, (_, i) => (i * 7) % 3);
      return {
        outputs: withGradients(maxPool2d({ x }, { kernel: 3, stride: 2 }), [x]),
        feeds: new Map([[x, ties]]),
      };
    },
  },
  ...Object.entries(means).map(([name, [shape, attributes]]) => ({
    name: `avgPool2d: ${name}`,
    build() {
      const x = input("x", shape);
      return { outputs: withGradients(avgPool2d({ x }, attributes), [x]), terms: 49 };
    },
  })),
  ...[
    [2, 7, 5, 16],
    [1, 1, 1, 3],
    [3, 4, 4, 33],
  ].flatMap((shape) =>
    [globalAveragePool2d, globalMaxPool2d].map((op) => ({
      name: `${op.operation.name}: [${shape.join(", ")}]`,
      build() {
        const x = input("x", shape);
        return { outputs: withGradients(op({ x }, {}), [x]), terms: 35 };
      },
    })),
  ),
];
