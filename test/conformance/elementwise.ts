import { add } from "../../src/ops/add.ts";
import { clip } from "../../src/ops/clip.ts";
import { divide } from "../../src/ops/divide.ts";
import { elu } from "../../src/ops/elu.ts";
import { exp } from "../../src/ops/exp.ts";
import { leakyRelu } from "../../src/ops/leaky-relu.ts";
import { log } from "../../src/ops/log.ts";
import { multiply } from "../../src/ops/multiply.ts";
import { input, type Tensor } from "../../src/ops/operation.ts";
import { relu } from "../../src/ops/relu.ts";
import { relu6 } from "../../src/ops/relu6.ts";
import { sigmoid } from "../../src/ops/sigmoid.ts";
import { hardSigmoid, hardSwish, silu } from "../../src/ops/silu.ts";
import { softplus } from "../../src/ops/softplus.ts";
import { sqrt } from "../../src/ops/sqrt.ts";
import { subtract } from "../../src/ops/subtract.ts";
import { tanh } from "../../src/ops/tanh.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { type Case, spread, withGradients } from "./case.ts";

const maps: Readonly<Record<string, readonly [apply: (x: Tensor) => Tensor, from: number, to: number]>> = {
  relu: [(x) => relu({ x }, {}), -2, 2],
  relu6: [(x) => relu6({ x }, {}), -9, 9],
  leakyRelu: [(x) => leakyRelu({ x }, { slope: 0.1 }), -2, 2],
  elu: [(x) => elu({ x }, {}), -5, 5],
  sigmoid: [(x) => sigmoid({ x }, {}), -20, 20],
  tanh: [(x) => tanh({ x }, {}), -10, 10],
  "tanh of small numbers": [(x) => tanh({ x }, {}), -1e-3, 1e-3],
  silu: [(x) => silu({ x }), -20, 20],
  hardSigmoid: [(x) => hardSigmoid({ x }), -5, 5],
  hardSwish: [(x) => hardSwish({ x }), -5, 5],
  softplus: [(x) => softplus({ x }, {}), -20, 20],
  clip: [(x) => clip({ x }, { low: -1, high: 1.5 }), -3, 3],
  exp: [(x) => exp({ x }, {}), -20, 3],
  log: [(x) => log({ x }, {}), 1e-3, 50],
  sqrt: [(x) => sqrt({ x }, {}), 1e-3, 50],
};

const shapes: readonly Shape[] = [[3], [2, 3, 5, 7], [1, 4, 4, 32]];

const broadcasts: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3, 3, 8],
    [2, 3, 3, 8],
  ],
  [
    [2, 3, 3, 5],
    [2, 1, 1, 5],
  ],
  [[2, 3, 3, 17], [17]],
  [
    [2, 3, 3, 4],
    [2, 3, 3, 1],
  ],
  [[4, 5], []],
];

export const cases: readonly Case[] = [
  ...Object.entries(maps).flatMap(([name, [apply, from, to]]) =>
    shapes.map((shape) => ({
      name: `${name}: [${shape.join(", ")}]`,
      build() {
        const x = input("x", shape);
        return { outputs: withGradients(apply(x), [x]), feeds: new Map([spread(x, from, to)]) };
      },
    })),
  ),
  ...[add, subtract, multiply, divide].flatMap((op) =>
    broadcasts.map(([left, right]) => ({
      name: `${op.operation.name}: [${left.join(", ")}] and [${right.join(", ")}]`,
      build() {
        const [a, b] = [input("a", left), input("b", right)];
        return {
          outputs: withGradients(op({ a, b }, {}), [a, b]),
          feeds: new Map([spread(b, 0.5, 2)]),
          terms: 64,
        };
      },
    })),
  ),
];
