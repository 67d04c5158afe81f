import { batchDropout, channelDropout, dropout, imageDropout } from "../../src/ops/dropout.ts";
import { input } from "../../src/ops/operation.ts";
import { type Case, withGradients } from "./case.ts";

export const cases: readonly Case[] = [dropout, channelDropout, imageDropout, batchDropout].flatMap((op) =>
  [
    { seed: 0, step: 0, ramp: 0 },
    { seed: 123_456_789, step: 70_000, ramp: 0 },
    { seed: 5, step: 30, ramp: 50 },
  ].map(({ ramp, ...scalars }) => ({
    name: `${op.operation.name}: seed ${scalars.seed}, step ${scalars.step}, ramp ${ramp}`,
    build() {
      const x = input("x", [3, 5, 4, 19]);
      return { outputs: withGradients(op({ x }, { probability: 0.4, stream: 7, ramp }), [x]), scalars };
    },
  })),
);
