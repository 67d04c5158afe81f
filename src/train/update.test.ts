import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../engines/engine.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { wasmEngine } from "../engines/wasm/engine.ts";
import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import * as nn from "../nn/index.ts";
import { input } from "../ops/operation.ts";
import { createLearner } from "./compiled-learner.ts";
import { type SgdOptions, sgd } from "./optimizer.ts";
import { needsVelocity, sgdUpdates } from "./update.ts";

/** Gradients of one step, and its learning rate. */
interface Step {
  readonly g: readonly number[];
  readonly rate: number;
}

/** Weights, velocities and squared norms after each step of some that begin with no velocity. */
async function updated(engine: Engine, options: SgdOptions, w: readonly number[], steps: readonly Step[]) {
  const layout = new StateLayout();
  // Two parameters, so that what is side by side for the update is apart for the caller.
  const shapes = [1, w.length - 1];
  const named = (name: string) =>
    shapes.map((extent, i) => ({ name: `${name}${i}`, shape: [extent], kind: "vector" as const }));
  const parameters = layout.append("parameters", named("w"));
  const velocity = needsVelocity(options) ? layout.append("velocity", named("v")) : undefined;
  if (parameters === undefined) throw new Error("no parameters");
  const gradients = shapes.map((extent, i) => input(`g${i}`, [extent]));
  const { updates, gradientNorm } = sgdUpdates({ parameters, velocity, gradients }, options);
  const outputs = gradientNorm === undefined ? {} : { squared: gradientNorm };
  const session = await engine.open(layout);
  session.write("w0", w.slice(0, 1));
  session.write("w1", w.slice(1));
  const program = await session.load(plan({ outputs, updates, state: layout }));
  const history: { w: number[]; v: number[]; squared: number | undefined }[] = [];
  const read = (name: string) => [...session.read(`${name}0`), ...session.read(`${name}1`)];
  for (const { g, rate } of steps) {
    const { squared } = await program.run({ g0: g.slice(0, 1), g1: g.slice(1) }, { learningRate: rate });
    history.push({ w: read("w"), v: velocity === undefined ? [] : read("v"), squared: squared?.[0] });
  }
  session.dispose();
  return history;
}

const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6));

describe.each([
  ["js", jsEngine],
  ["wasm", () => wasmEngine({ threads: 1 })],
] as const)("on engine %s", (_, start) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(() => engine.dispose());

  const w = [1, -2];
  const g = [0.5, 0.25];
  /** The learning rate drops tenfold between two steps with the same gradient. */
  const steps = [
    { g, rate: 0.1 },
    { g, rate: 0.01 },
  ];

  it("plain descent goes against the gradient", async () => {
    const found = await updated(engine, sgd(), w, steps);
    expect(found.map((each) => each.w)).toEqual([near([0.95, -2.025]), near([0.945, -2.0275])]);
    expect(found[0]).toMatchObject({ v: [], squared: undefined });
  });

  it("weight decay joins the gradient", async () => {
    // g + 0.1·w = [0.6, 0.05], then [0.594, 0.0495]
    const found = await updated(engine, sgd({ weightDecay: 0.1 }), w, steps);
    expect(found.map((each) => each.w)).toEqual([near([0.94, -2.005]), near([0.93406, -2.005495])]);
  });

  it("rule pytorch keeps gradients in the velocity and scales them by the rate of the step", async () => {
    const found = await updated(engine, sgd({ momentum: 0.9, weightDecay: 0.1 }), w, steps);
    expect(found.map((each) => each.v)).toEqual([near([0.6, 0.05]), near([1.134, 0.0945])]);
    expect(found.map((each) => each.w)).toEqual([near([0.94, -2.005]), near([0.92866, -2.005945])]);
  });

  it("rule alexnet keeps steps in the velocity, each at the rate of its time", async () => {
    const found = await updated(engine, sgd({ momentum: 0.9, weightDecay: 0.1, rule: "alexnet" }), w, steps);
    expect(found.map((each) => each.v)).toEqual([near([-0.06, -0.005]), near([-0.05994, -0.004995])]);
    expect(found.map((each) => each.w)).toEqual([near([0.94, -2.005]), near([0.88006, -2.009995])]);
  });

  it("rule alexnet has a velocity without momentum too, and is plain descent then", async () => {
    const found = await updated(engine, sgd({ rule: "alexnet" }), w, steps);
    expect(found.map((each) => each.w)).toEqual([near([0.95, -2.025]), near([0.945, -2.0275])]);
    expect(found[1].v).toEqual(near([-0.005, -0.0025]));
  });

  it("Nesterov's form goes where the velocity will take it", async () => {
    // direction (g + 0.1·w) + 0.9·v: [0.6 + 0.54, 0.05 + 0.045], then [0.5886 + 0.9·1.1286, 0.04905 + 0.9·0.09405]
    const found = await updated(engine, sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.1 }), w, steps);
    expect(found.map((each) => each.v)).toEqual([near([0.6, 0.05]), near([1.1286, 0.09405])]);
    expect(found.map((each) => each.w)).toEqual([
      near([0.886, -2.0095]),
      near([0.886 - 0.01 * (0.5886 + 1.01574), -2.0095 - 0.01 * (0.04905 + 0.084645)]),
    ]);
  });

  it("clipping by norm shortens all gradients together, and leaves short ones", async () => {
    const long = [
      { g: [3, 4], rate: 1 },
      { g: [0.3, 0.4], rate: 1 },
    ];
    const found = await updated(engine, sgd({ clipNorm: 1 }), [0, 0], long);
    expect(found.map((each) => each.squared)).toEqual(near([25, 0.25]));
    expect(found.map((each) => each.w)).toEqual([near([-0.6, -0.8]), near([-0.9, -1.2])]);
  });

  it("clipping by value comes first, element by element, and the norm is of what is left", async () => {
    const found = await updated(
      engine,
      sgd({ clipValue: 2, clipNorm: 1 }),
      [0, 0, 0],
      [{ g: [-8, 1, 2], rate: 1 }],
    );
    expect(found[0].squared).toBeCloseTo(9, 5);
    expect(found[0].w).toEqual(near([2 / 3, -1 / 3, -2 / 3]));
    const alone = await updated(engine, sgd({ clipValue: 2 }), [0, 0, 0], [{ g: [-8, 1, 2], rate: 1 }]);
    expect(alone[0]).toMatchObject({ w: near([2, -1, -2]), squared: undefined });
  });

  it("weight decay is not clipped", async () => {
    const found = await updated(
      engine,
      sgd({ clipNorm: 1, weightDecay: 0.5 }),
      [10, 0],
      [{ g: [3, 4], rate: 0.1 }],
    );
    expect(found[0].w).toEqual(near([10 - 0.1 * (0.6 + 5), -0.08]));
    const byValue = await updated(
      engine,
      sgd({ clipValue: 1, weightDecay: 0.5 }),
      [10, 0],
      [{ g: [3, 4], rate: 0.1 }],
    );
    expect(byValue[0].w).toEqual(near([10 - 0.1 * (1 + 5), -0.1]));
  });

  it("a gradient that is no number is seen, not clipped away", async () => {
    const found = await updated(
      engine,
      sgd({ clipNorm: 1, clipValue: 1 }),
      [0, 0],
      [{ g: [Number.NaN, 1], rate: 1 }],
    );
    expect(found[0].squared).toBeNaN();
    expect(found[0].w).toEqual([Number.NaN, Number.NaN]);
  });

  it("all of it together equals the rule spelled out, over twenty steps", async () => {
    const options = sgd({ momentum: 0.8, weightDecay: 0.01, nesterov: true, clipNorm: 2, clipValue: 1.5 });
    const many = Array.from({ length: 20 }, (_, step) => ({
      g: [2 * Math.sin(step), 3 * Math.cos(2 * step), Math.sin(3 * step) - 0.5],
      rate: 0.1 / (1 + step),
    }));
    const found = await updated(engine, options, [0.5, -1, 2], many);
    let [weights, velocities] = [
      [0.5, -1, 2],
      [0, 0, 0],
    ];
    for (const { g: raw, rate } of many) {
      const clipped = raw.map((each) => Math.min(1.5, Math.max(-1.5, each)));
      const factor = Math.min(1, 2 / (Math.hypot(...clipped) + 1e-6));
      const decayed = clipped.map((each, i) => each * factor + 0.01 * weights[i]);
      velocities = velocities.map((v, i) => 0.8 * v + decayed[i]);
      weights = weights.map((each, i) => each - rate * (decayed[i] + 0.8 * velocities[i]));
    }
    expect(found[19].w).toEqual(weights.map((each) => expect.closeTo(each, 5)));
    expect(found[19].v).toEqual(velocities.map((each) => expect.closeTo(each, 5)));
  });
});

it("puts a gradient into its velocity where it is computed, unless all gradients must be known first", async () => {
  const model = nn.sequential({
    conv: nn.conv2d(3, 3),
    bn: nn.batchNorm2d(),
    relu: nn.relu(),
    flatten: nn.flatten(),
    fc: nn.linear(3),
  });
  const images = Float32Array.from({ length: 4 * 32 }, (_, i) => Math.sin(3 * i));
  const trained = async (clipNorm?: number) => {
    const options = { momentum: 0.9, weightDecay: 0.01, ...(clipNorm === undefined ? {} : { clipNorm }) };
    const optimizer = sgd(options);
    const learner = await createLearner({ model, imageShape: [4, 4, 2], engine: jsEngine(), optimizer });
    for (let step = 0; step < 4; step++)
      await learner.trainStep(images, Float32Array.of(0, 1, 2, 0), 4, { step, learningRate: 0.1 });
    return { state: learner.state(), plan: learner.plan("train", 4) };
  };
  // A norm that no gradient reaches changes nothing but the way.
  const [direct, collected] = [await trained(), await trained(1e9)];
  for (const [name, { data }] of collected.state)
    for (const [i, each] of data.entries()) expect(direct.state.get(name)?.data[i]).toBeCloseTo(each, 6);
  const operations = direct.plan.steps.map(({ name }) => name.slice(name.indexOf(": ") + 2));
  expect(operations).toContain("conv2dWeightGradient + sgdVelocity");
  expect(operations).not.toContain("concat");
  expect(direct.plan.workElements).toBeLessThan(collected.plan.workElements);
});

describe("needsVelocity", () => {
  it("is so with momentum, and by rule alexnet", () => {
    expect(needsVelocity(sgd())).toBe(false);
    expect(needsVelocity(sgd({ momentum: 0.9 }))).toBe(true);
    expect(needsVelocity(sgd({ rule: "alexnet" }))).toBe(true);
  });
});
