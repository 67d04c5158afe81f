import { mean } from "../../src/ops/mean.ts";
import { input } from "../../src/ops/operation.ts";
import { sum } from "../../src/ops/sum.ts";
import { type Case, withGradients } from "./case.ts";

const axesOf = [[0], [1, 2], [0, 1, 2], [3], [0, 1, 2, 3], [1, 3]];

export const cases: readonly Case[] = [
  ...axesOf.flatMap((axes) =>
    [sum, mean].map((op) => ({
      name: `${op.operation.name}: over ${axes.join(", ")} of four axes`,
      build() {
        const x = input("x", [3, 5, 4, 19]);
        return { outputs: withGradients(op({ x }, { axes }), [x]), terms: 1140 };
      },
    })),
  ),
  {
    name: "sum: of many elements, by channel and of all",
    build() {
      const x = input("x", [40, 17, 13, 3]);
      return { outputs: [sum({ x }, { axes: [0, 1, 2] }), sum({ x }, { axes: [0, 1, 2, 3] })], terms: 2000 };
    },
  },
];
