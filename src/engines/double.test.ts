import { afterEach, describe, expect, test } from "vitest";
import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import { add } from "../ops/add.ts";
import { multiply } from "../ops/multiply.ts";
import { input, parameter } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { sgd } from "../train/optimizer.ts";
import { sgdUpdates } from "../train/update.ts";
import type { Engine } from "./engine.ts";
import { nativeEngine } from "./native/engine.ts";
import { wasmEngine } from "./wasm/engine.ts";

const engines: Engine<Float64Array>[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.dispose();
});

/** Numbers that float32 does not hold. */
const fine = Float64Array.from({ length: 5 }, (_, i) => 1 / 3 + i + 2 ** -40);

describe.each([
  { name: "native", start: (bits: 64) => nativeEngine({ bits, threads: 1 }) },
  { name: "wasm", start: (bits: 64) => wasmEngine({ bits, threads: 1 }) },
])("$name in double precision", ({ name, start }) => {
  async function double(): Promise<Engine<Float64Array>> {
    const engine = await start(64);
    engines.push(engine);
    return engine;
  }

  test("in double precision nothing that comes in or goes out is rounded", async () => {
    const state = new StateLayout();
    state.append("parameters", [{ name: "weight", shape: [5], kind: "vector" }]);
    const session = await (await double()).open(state);
    session.write("weight", fine);
    expect(session.read("weight")).toEqual(fine);
    session.write("weight", [...fine]);
    expect(session.read("weight")).toEqual(fine);
    const y = add({ a: input("x", [5]), b: parameter("weight", [5], "vector") }, {});
    const program = await session.load(plan({ outputs: { y }, state }));
    expect((await program.run({ x: fine })).y).toEqual(fine.map((each) => 2 * each));
    expect((await program.run({ x: [...fine] })).y).toEqual(fine.map((each) => 2 * each));
  });

  test("learning rate and factors of a formula have all their digits", async () => {
    const state = new StateLayout();
    const weights = state.append("parameters", [{ name: "weight", shape: [5], kind: "vector" }]);
    const velocity = state.append("velocity", [{ name: "velocity", shape: [5], kind: "vector" }]);
    if (weights === undefined) throw new Error("no parameters");
    const gradients = [input("gradient", [5])];
    const { updates } = sgdUpdates(
      { parameters: weights, velocity, gradients },
      sgd({ momentum: 0.9, weightDecay: 1e-4 }),
    );
    const session = await (await double()).open(state);
    session.write("weight", fine);
    session.write("velocity", fine);
    const program = await session.load(plan({ outputs: {}, updates, state }));
    await program.run({ gradient: fine }, { seed: 1, step: 2, learningRate: 0.1 });
    const expected = fine.map((w) => w - 0.1 * (0.9 * w + w + 1e-4 * w));
    for (const [i, each] of session.read("weight").entries()) expect(each).toBeCloseTo(expected[i], 14);
  });

  test("the engine says what it is, and takes 32 or 64 bits", async () => {
    expect((await double()).name).toBe(`${name}-double`);
    const bits = 16 as 64;
    await expect(start(bits)).rejects.toThrow(new OptionError("bits is 16, but must be 32 or 64.", { bits }));
  });

  test("products that float32 rounds to 1 are told apart", async () => {
    const state = new StateLayout();
    const session = await (await double()).open(state);
    const x = input("x", [3]);
    const program = await session.load(plan({ outputs: { y: multiply({ a: x, b: x }, {}) }, state }));
    const near = [1 + 2 ** -30, 1 - 2 ** -30, 1];
    expect([...(await program.run({ x: near })).y]).toEqual(near.map((each) => each * each));
  });
});
