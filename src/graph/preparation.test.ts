import { describe, expect, it } from "vitest";
import { engines } from "../../test/conformance/engines.ts";
import { planOf } from "../../test/on-engine.ts";
import * as ops from "../ops/index.ts";
import { input, parameter, state, type Tensor } from "../ops/operation.ts";
import { type PlanRequest, plan } from "./plan.ts";
import { memories } from "./planned.ts";
import { StateLayout } from "./state-layout.ts";

const x = input("x", [2, 3]);
const [weight, bias] = [parameter("weight", [3], "vector"), parameter("bias", [3], "vector")];
const doubled = (tensor: Tensor) => ops.scale({ x: tensor }, { factor: 2 });

/** The plan over a state of weight and bias. */
function planned(request: Omit<PlanRequest, "state">) {
  const layout = new StateLayout();
  layout.append("parameters", [
    { name: "weight", shape: [3], kind: "vector" },
    { name: "bias", shape: [3], kind: "vector" },
  ]);
  return plan({ ...request, state: layout });
}

describe("the preparation of a plan", () => {
  it("is the steps that read the state alone, at its beginning and in memory of their own", () => {
    const product = ops.multiply({ a: x, b: doubled(weight) }, {});
    const outputs = { y: ops.add({ a: product, b: doubled(bias) }, {}) };
    const { steps, preparation, preparedElements, workElements, describe: text } = planned({ outputs });
    expect(preparation).toBe(2);
    expect(steps.map(({ target }) => target.buffer)).toEqual([
      memories.prepared,
      memories.prepared,
      memories.work,
    ]);
    // Each buffer takes a whole cache line.
    expect([preparedElements, workElements]).toEqual([32, 32]);
    expect(text()).toContain(
      "the first 2 read the state alone, and run when it has changed: they keep 128 B",
    );
  });

  it("keeps what it computes from being written over", () => {
    const twice = doubled(weight);
    // The last to read `twice`, element by element: in work memory it would take its place.
    const noise = ops.dropout({ x: twice }, { probability: 0.5, stream: 0 });
    const { preparation, steps } = planned({
      outputs: { y: ops.multiply({ a: x, b: twice }, {}), z: ops.add({ a: noise, b: twice }, {}) },
    });
    expect(preparation).toBe(1);
    expect(steps.map(({ inPlaceOf }) => inPlaceOf)).toEqual([undefined, undefined, undefined]);
  });

  it("has no step that a run's inputs, scalars or random numbers go into, nor one that shares memory with such", () => {
    const random = ops.dropout({ x: weight }, { probability: 0.5, stream: 0 });
    expect(planned({ outputs: { random } }).preparation).toBe(0);
    // Written where the concatenation wants it, beside what changes.
    const row = input("row", [3]);
    const joined = ops.concat({ 0: doubled(weight), 1: doubled(row) }, {});
    expect(planned({ outputs: { joined } }).preparation).toBe(0);
    const ofJoined = ops.sum({ x: ops.concat({ 0: doubled(weight), 1: doubled(bias) }, {}) }, { axes: [0] });
    expect(planned({ outputs: { ofJoined } }).preparation).toBe(3);
  });

  it("is empty where the plan changes the state", () => {
    const updates = [{ target: weight, value: ops.add({ a: weight, b: doubled(bias) }, {}) }];
    const training = planned({ outputs: { y: doubled(bias) }, updates });
    expect([training.preparation, training.changesState]).toEqual([0, true]);
    expect(planOf([doubled(x)])).toMatchObject({ preparation: 0, changesState: false });
  });
});

for (const { name, start } of engines)
  describe(`engine ${name}`, () => {
    it("prepares again when state was written, or changed or run over by another program, and only then", async () => {
      const engine = await start();
      const layout = new StateLayout();
      const factor = state("factor", [3]);
      layout.append("states", [{ name: "factor", shape: [3], kind: "vector" }]);
      const session = await engine.open(layout);
      session.write("factor", [1, 2, 3]);
      const product = ops.multiply({ a: x, b: doubled(factor) }, {});
      const program = await session.load(plan({ outputs: { y: product }, state: layout }));
      const negated = ops.scale({ x: factor }, { factor: -1 });
      const change = await session.load(
        plan({ outputs: {}, updates: [{ target: factor, value: negated }], state: layout }),
      );
      const other = await session.load(
        plan({
          outputs: { y: ops.add({ a: doubled(x), b: doubled(doubled(factor)) }, {}) },
          state: layout,
        }),
      );

      const ones = new Float32Array(6).fill(1);
      const run = async () => {
        const ended: number[] = [];
        const { y } = await program.run({ x: ones }, {}, (step) => ended.push(step));
        return { y: [...y.subarray(0, 3)], ended };
      };
      expect(await run()).toEqual({ y: [2, 4, 6], ended: [0, 1] });
      expect(await run()).toEqual({ y: [2, 4, 6], ended: [1] });
      session.write("factor", [4, 5, 6]);
      expect(await run()).toEqual({ y: [8, 10, 12], ended: [0, 1] });
      await change.run({});
      expect(await run()).toEqual({ y: [-8, -10, -12], ended: [0, 1] });
      expect((await run()).ended).toEqual([1]);
      await other.run({ x: ones });
      expect((await run()).y).toEqual([-8, -10, -12]);
      session.dispose();
      engine.dispose();
    });
  });
