/** Operations that only put elements elsewhere, which engines must do exactly. */

import { channelShuffle } from "../../src/ops/channel-shuffle.ts";
import { concat } from "../../src/ops/concat.ts";
import { flatten } from "../../src/ops/flatten.ts";
import { input } from "../../src/ops/operation.ts";
import { reflectionPad2d } from "../../src/ops/reflection-pad2d.ts";
import { relu } from "../../src/ops/relu.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { scale } from "../../src/ops/scale.ts";
import { pad, slice } from "../../src/ops/slice.ts";
import { subsample } from "../../src/ops/subsample.ts";
import { broadcastTo } from "../../src/ops/sum.ts";
import { type Case, withGradients } from "./case.ts";

export const cases: readonly Case[] = [
  ...[
    [1, 3],
    [8, 16, 5],
    [4, 4, 4, 4],
    [33, 7],
  ].map((widths) => ({
    name: `concat: ${widths.join(" and ")} channels`,
    build() {
      const inputs = widths.map((width, i) => input(`x${i}`, [2, 3, 2, width]));
      return { outputs: withGradients(concat({ ...inputs }, {}), inputs) };
    },
  })),
  {
    name: "concat: of computed tensors, one of them twice",
    build() {
      const [a, b] = [input("a", [1, 3, 3, 8]), input("b", [1, 3, 3, 5])];
      const [ya, yb] = [relu({ x: a }, {}), scale({ x: b }, { factor: 3 })];
      const inner = concat({ 0: ya, 1: yb }, {});
      return { outputs: withGradients(concat({ 0: inner, 1: ya }, {}), [a, b]) };
    },
  },
  {
    name: "slice: channels, and along other axes",
    build() {
      const x = input("x", [2, 4, 3, 9]);
      const channels = slice({ x }, { from: 2, length: 5 });
      return { outputs: withGradients(slice({ x: channels }, { axis: 1, from: 1, length: 2 }), [x]) };
    },
  },
  {
    name: "pad: rows, columns and channels",
    build() {
      const x = input("x", [2, 3, 4, 5]);
      return { outputs: withGradients(pad({ x }, { before: [0, 1, 0, 8], after: [0, 2, 1, 3] }), [x]) };
    },
  },
  ...[1, 3].map((padding) => ({
    name: `reflectionPad2d: ${padding} places`,
    build() {
      const x = input("x", [2, 5, 4, 9]);
      return { outputs: withGradients(reflectionPad2d({ x }, { padding }), [x]), terms: 9 };
    },
  })),
  {
    name: "pad: shortcut of option A",
    build() {
      const x = input("x", [2, 7, 8, 16]);
      const half = subsample({ x }, { stride: 2 });
      return { outputs: withGradients(pad({ x: half }, { before: [0, 0, 0, 8], after: [0, 0, 0, 8] }), [x]) };
    },
  },
  {
    name: "flatten: images of several pixels, and of one",
    build() {
      const [x, pixel] = [input("x", [3, 4, 5, 6]), input("pixel", [3, 1, 1, 7])];
      const joined = concat({ 0: flatten({ x }), 1: flatten({ x: pixel }) }, {});
      return { outputs: withGradients(joined, [x, pixel]) };
    },
  },
  {
    name: "reshape: across axes",
    build() {
      const x = input("x", [2, 3, 4]);
      const y = scale({ x: reshape({ x: relu({ x }, {}) }, { shape: [4, 6] }) }, { factor: 2 });
      return { outputs: withGradients(y, [x]) };
    },
  },
  ...[2, 3, 4].map((groups) => ({
    name: `channelShuffle: ${groups} groups`,
    build() {
      const x = input("x", [1, 3, 2, 24]);
      return { outputs: withGradients(channelShuffle({ x }, { groups }), [x]) };
    },
  })),
  {
    name: "broadcastTo: new and repeated axes",
    build() {
      const x = input("x", [3, 1, 5]);
      return { outputs: withGradients(broadcastTo({ x }, { shape: [2, 3, 4, 5] }), [x]), terms: 8 };
    },
  },
];
