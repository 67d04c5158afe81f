import { input } from "../../src/ops/operation.ts";
import { prelu } from "../../src/ops/prelu.ts";
import { type Case, spread, withGradients } from "./case.ts";

export const cases: readonly Case[] = [
  [2, 3, 5, 7],
  [1, 4, 4, 32],
  [5, 1],
].flatMap((shape) =>
  [1, shape[shape.length - 1]].map((slopes, i) => ({
    name: `prelu: [${shape.join(", ")}], ${i === 0 ? "one slope for all" : "a slope for each channel"}`,
    build() {
      const [x, weight] = [input("x", shape), input("weight", [slopes])];
      return {
        outputs: withGradients(prelu({ x, weight }, {}), [x, weight]),
        feeds: new Map([spread(x, -2, 2)]),
        terms: 512,
      };
    },
  })),
);
