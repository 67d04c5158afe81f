import { input } from "../../src/ops/operation.ts";
import { adaptiveAvgPool2d, upsampleBilinear2d, upsampleNearest2d } from "../../src/ops/resize2d.ts";
import { type Case, withGradients } from "./case.ts";

const sizes = [
  [3, 4, 6, 8],
  [4, 2, 12, 6],
  [3, 4, 7, 9],
  [7, 5, 3, 2],
  [1, 1, 3, 2],
  [2, 23, 2, 37],
  [5, 6, 1, 1],
] as const;

export const cases: readonly Case[] = sizes.flatMap(([h, w, p, q]) => {
  const size = [p, q] as const;
  const named = (name: string, resize: (x: ReturnType<typeof input>) => ReturnType<typeof input>): Case => ({
    name: `${name}: ${h}×${w} to ${p}×${q}`,
    build() {
      const x = input("x", [2, h, w, 5]);
      return { outputs: withGradients(resize(x), [x]), terms: 37 };
    },
  });
  return [
    named("upsampleNearest2d", (x) => upsampleNearest2d({ x }, { size })),
    named("upsampleBilinear2d", (x) => upsampleBilinear2d({ x }, { size })),
    named("upsampleBilinear2d, aligned", (x) => upsampleBilinear2d({ x }, { size, alignCorners: true })),
    named("adaptiveAvgPool2d", (x) => adaptiveAvgPool2d({ x }, { size })),
  ];
});
