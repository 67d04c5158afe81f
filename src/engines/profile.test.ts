import { expect, it } from "vitest";
import { openEmpty, planOf } from "../../test/on-engine.ts";
import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import { multiply } from "../ops/multiply.ts";
import { input, parameter } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { scale } from "../ops/scale.ts";
import { sum } from "../ops/sum.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Program } from "./engine.ts";
import { jsEngine } from "./js/engine.ts";
import { profile } from "./profile.ts";
import { traceOf } from "./trace.ts";

const x = input("x", [4]);
const total = within("head", () =>
  within("sum", () => sum({ x: scale({ x }, { factor: 2 }) }, { axes: [0] })),
);
const inputs = { x: [1, 2, 3, 4] };

/** A program whose steps take as long as `durations` says, run by run. */
async function timed(durations: readonly (readonly number[])[]): Promise<Program> {
  let run = 0;
  const { plan: planned } = await (await openEmpty(jsEngine())).load(planOf([total]));
  return {
    plan: planned,
    run(_inputs, _scalars, ended) {
      let now = 0;
      for (const [step, duration] of durations[run++].entries()) {
        now += duration;
        ended?.(step, now);
      }
      return Promise.resolve({});
    },
  };
}

it("gives the median of each step and of the whole, without the first run", async () => {
  const program = await timed([
    [90, 90],
    [1, 5],
    [3, 6],
    [2, 10],
  ]);
  const measured = await profile(program, { inputs, runs: 3 });
  expect(measured.steps).toMatchObject([
    { step: 0, layer: "head.sum", operations: "scale", durationMs: 2, share: 0.25, bytes: 32 },
    { step: 1, layer: "head.sum", operations: "sum", shape: [], durationMs: 6, share: 0.75, bytes: 20 },
  ]);
  expect(measured).toMatchObject({ durationMs: 9, runs: 3, preparation: { steps: 0, durationMs: 0 } });
  expect(measured.kinds.map(({ operations, steps }) => [operations, steps])).toEqual([
    ["sum", 1],
    ["scale", 1],
  ]);
  // The run of 3 + 6.
  expect(measured.timeline.ends).toEqual([
    { step: 0, endMs: 3 },
    { step: 1, endMs: 9 },
  ]);
});

it("takes the mean of the two in the middle of an even number of runs", async () => {
  const program = await timed([
    [0, 0],
    [1, 1],
    [4, 1],
  ]);
  const { steps, durationMs } = await profile(program, { inputs, runs: 2 });
  expect([steps[0].durationMs, durationMs]).toEqual([2.5, 3.5]);
});

it("tells apart what runs only when the state has changed", async () => {
  const weight = parameter("weight", [1], "vector");
  const layout = new StateLayout();
  layout.append("parameters", [{ name: "weight", shape: [1], kind: "vector" }]);
  const y = multiply({ a: x, b: scale({ x: weight }, { factor: 2 }) }, {});
  const session = await jsEngine().open(layout);
  const program = await session.load(plan({ outputs: { y }, state: layout }));
  const measured = await profile(program, { inputs });
  expect(measured.steps.map(({ operations }) => operations)).toEqual(["multiply"]);
  expect(measured.preparation.steps).toBe(1);
  expect(measured.runs).toBe(10);
});

it("refuses a number of runs that is none", async () => {
  const program = await timed([]);
  for (const runs of [0, 2.5]) await expect(profile(program, { inputs, runs })).rejects.toThrow(OptionError);
});

it("is a trace of bars, each within those of the layers it lies in", () => {
  const at = (step: number, layer: string, operations: string) => ({
    ...{ step, layer, operations, shape: [2, 3], durationMs: 0, share: 0, macs: 7, bytes: 8 },
  });
  const steps = [at(3, "a.b", "conv2d"), at(4, "a.b", "relu"), at(5, "a.c", "sum"), at(6, "d", "mean")];
  const ends = [1, 2, 4, 8].map((endMs, i) => ({ step: 3 + i, endMs }));
  const { traceEvents } = traceOf({ steps, timeline: { ends } });
  expect(traceEvents.map(({ name, cat, ts, dur }) => [cat, name, ts, dur])).toEqual([
    ["layer", "a", 0, 4000],
    ["layer", "b", 0, 2000],
    ["step", "conv2d", 0, 1000],
    ["step", "relu", 1000, 1000],
    ["layer", "c", 2000, 2000],
    ["step", "sum", 2000, 2000],
    ["layer", "d", 4000, 4000],
    ["step", "mean", 4000, 4000],
  ]);
  expect(traceEvents[2].args).toEqual({ step: 3, layer: "a.b", shape: "2×3", macs: 7, bytes: 8 });
});
