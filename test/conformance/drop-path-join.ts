import { dropPathJoin } from "../../src/ops/drop-path-join.ts";
import { input } from "../../src/ops/operation.ts";
import { type Case, withGradients } from "./case.ts";

export const cases: readonly Case[] = [
  { seed: 0, step: 0 },
  { seed: 123_456_789, step: 70_000 },
].map((scalars) => ({
  name: `dropPathJoin: seed ${scalars.seed}, step ${scalars.step}`,
  build() {
    const inputs = ["a", "b", "c"].map((name) => input(name, [9, 3, 4, 19]));
    const attributes = { local: 0.4, global: 0.5, columns: 4, localStream: 7, globalStream: 2 };
    return { outputs: withGradients(dropPathJoin({ ...inputs }, attributes), inputs), scalars, terms: 3 };
  },
}));
