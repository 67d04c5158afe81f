import { filterOfMatrix, matrixOfFilter } from "../../src/ops/filter-of-matrix.ts";
import { input } from "../../src/ops/operation.ts";
import { type Case, withGradients } from "./case.ts";

const shapes = [
  [3, 3, 5, 7],
  [6, 6, 16, 40],
  [1, 2, 33, 1],
];

export const cases: readonly Case[] = shapes.flatMap(([r, s, c, k]): Case[] => [
  {
    name: `filterOfMatrix: [${r}, ${s}, ${c}, ${k}]`,
    build() {
      const matrix = input("matrix", [r * s * c, k]);
      return { outputs: withGradients(filterOfMatrix({ matrix }, { kernel: [r, s] }), [matrix]), terms: 1 };
    },
  },
  {
    name: `matrixOfFilter: [${r}, ${s}, ${c}, ${k}]`,
    build() {
      const filter = input("filter", [r, s, c, k]);
      return { outputs: withGradients(matrixOfFilter({ filter }, {}), [filter]), terms: 1 };
    },
  },
]);
