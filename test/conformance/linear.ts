import { linear } from "../../src/ops/linear.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { input } from "../../src/ops/operation.ts";
import { type Case, withGradients } from "./case.ts";

const sizes = [
  [1, 1, 1],
  [3, 7, 5],
  [16, 33, 8],
  [1, 120, 84],
  [17, 64, 10],
  [5, 300, 48],
  // Few rows by a matrix that is read as it lies, and gradients that are summed over many rows.
  [1, 1001, 130],
  [3, 700, 133],
  [2, 1025, 259],
  [300, 150, 410],
] as const;

export const cases: readonly Case[] = [
  ...sizes.map(([n, c, k]) => ({
    name: `linear: [${n}, ${c}] by [${c}, ${k}]`,
    build() {
      const inputs = { x: input("x", [n, c]), weight: input("weight", [c, k]), bias: input("bias", [k]) };
      return {
        outputs: withGradients(linear(inputs, {}), [inputs.x, inputs.weight, inputs.bias]),
        terms: Math.max(n, c, k),
      };
    },
  })),
  ...(
    [
      ["a row by a column", [1, 37], [37, 1]],
      ["a column by a row", [37, 1], [1, 37]],
    ] as const
  ).map(([name, left, right]) => ({
    name: `matmul: ${name}`,
    build() {
      const [a, b] = [input("a", left), input("b", right)];
      return { outputs: withGradients(matmul({ a, b }, {}), [a, b]), terms: 37 };
    },
  })),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      name: `matmul:${transposeA ? " aᵀ" : " a"}${transposeB ? " bᵀ" : " b"}`,
      build() {
        const a = input("a", transposeA ? [19, 11] : [11, 19]);
        const b = input("b", transposeB ? [35, 19] : [19, 35]);
        return { outputs: withGradients(matmul({ a, b }, { transposeA, transposeB }), [a, b]), terms: 35 };
      },
    })),
  ),
];
