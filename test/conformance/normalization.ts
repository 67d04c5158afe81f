import { batchMoments } from "../../src/ops/batch-moments.ts";
import { batchNormInference } from "../../src/ops/batch-norm-inference.ts";
import { batchNormalize } from "../../src/ops/batch-normalize.ts";
import { groupNorm } from "../../src/ops/group-norm.ts";
import { l2Normalize } from "../../src/ops/l2-normalize.ts";
import { localResponseNorm } from "../../src/ops/local-response-norm.ts";
import { input } from "../../src/ops/operation.ts";
import { runningStatistics } from "../../src/ops/running-statistics.ts";
import { size } from "../../src/tensor/shape.ts";
import { type Case, spread, withGradients } from "./case.ts";

const images = [
  [4, 3, 5, 3],
  [2, 7, 7, 16],
  [1, 4, 4, 33],
  [2, 2, 1, 1],
  [9, 5],
];

export const cases: readonly Case[] = [
  ...images.map((shape) => ({
    name: `batchNormalize: [${shape.join(", ")}]`,
    build() {
      const channels = [shape[shape.length - 1]];
      const [x, weight, bias] = [input("x", shape), input("weight", channels), input("bias", channels)];
      const moments = batchMoments({ x });
      const y = batchNormalize({ x, moments, weight, bias }, { epsilon: 1e-3 });
      const running = input("running", channels);
      const unbiased = size(shape) / channels[0];
      return {
        outputs: [
          ...withGradients(y, [x, weight, bias]),
          runningStatistics({ running, moments }, { momentum: 0.1, row: 0 }),
          runningStatistics({ running, moments }, { momentum: 0.1, row: 1, unbiased }),
        ],
        feeds: new Map([spread(x, -3, 5)]),
        terms: 4 * unbiased,
      };
    },
  })),
  {
    name: "batchNormInference: running mean and variance",
    build() {
      const x = input("x", [2, 3, 3, 17]);
      const [mean, variance, weight, bias] = ["mean", "variance", "weight", "bias"].map((name) =>
        input(name, [17]),
      );
      const y = batchNormInference({ x, mean, variance, weight, bias });
      return {
        outputs: withGradients(y, [x, weight, bias]),
        feeds: new Map([spread(variance, 0.5, 2)]),
        terms: 36,
      };
    },
  },
  ...[1, 2, 6].map((groups) => ({
    name: `groupNorm: ${groups} groups`,
    build() {
      const inputs = { x: input("x", [2, 4, 3, 6]), weight: input("weight", [6]), bias: input("bias", [6]) };
      const y = groupNorm(inputs, { groups, epsilon: 1e-3 });
      return { outputs: withGradients(y, [inputs.x, inputs.weight, inputs.bias]), terms: 300 };
    },
  })),
  ...[0.5, 0.6, 0.75].map((beta) => ({
    name: `localResponseNorm: beta ${beta}`,
    build() {
      const x = input("x", [1, 3, 4, 19]);
      return {
        outputs: withGradients(localResponseNorm({ x }, { size: 5, alpha: 1, beta, k: 2 }), [x]),
        terms: 10,
      };
    },
  })),
  {
    name: "localResponseNorm: wider than the channels",
    build() {
      const x = input("x", [1, 2, 2, 3]);
      return { outputs: withGradients(localResponseNorm({ x }, { size: 8, alpha: 1 }), [x]), terms: 16 };
    },
  },
  {
    name: "localResponseNorm: one channel",
    build() {
      const x = input("x", [2, 3, 1, 1]);
      return { outputs: withGradients(localResponseNorm({ x }, { size: 5, alpha: 1, k: 2 }), [x]), terms: 5 };
    },
  },
  {
    name: "l2Normalize: rows",
    build() {
      const x = input("x", [3, 35]);
      return { outputs: withGradients(l2Normalize({ x }), [x]), terms: 70 };
    },
  },
];
