import { describe, expect, it } from "vitest";
import { openEmpty, planOf } from "../../../test/on-engine.ts";
import { plan } from "../../graph/plan.ts";
import { StateLayout } from "../../graph/state-layout.ts";
import { input, parameter, state } from "../../ops/operation.ts";
import { relu } from "../../ops/relu.ts";
import { scale } from "../../ops/scale.ts";
import { sum } from "../../ops/sum.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { jsEngine } from "./engine.ts";
import { evaluate } from "./evaluate.ts";

describe("jsEngine", () => {
  it("is one thread and needs nothing", () => {
    expect([jsEngine().name, jsEngine().threads]).toEqual(["js", 1]);
    expect(jsEngine().dispose()).toBeUndefined();
  });

  it("rounds what it stores to float32, and computes in double precision between", async () => {
    const x = input("x", [3]);
    const program = await (await openEmpty(jsEngine())).load(
      planOf([sum({ x }, { axes: [0] }), scale({ x }, { factor: 0.1 })]),
    );
    const found = await program.run({ x: [2 ** 24, 1, 1] });
    expect(found["0"][0]).toBe(2 ** 24 + 2);
    expect(found["1"][1]).toBe(Math.fround(0.1));
  });

  it("tells the end of each step, and keeps what lasts between runs", async () => {
    const layout = new StateLayout();
    const count = state("count", [1]);
    layout.append("states", [{ name: "count", shape: [1], kind: "vector" }]);
    const session = await jsEngine().open(layout);
    session.write("count", [3]);
    const program = await session.load(
      plan({
        outputs: {},
        updates: [{ target: count, value: scale({ x: count }, { factor: 2 }) }],
        state: layout,
      }),
    );
    const ended: number[] = [];
    for (let run = 0; run < 3; run++) await program.run({}, {}, (step) => ended.push(step));
    expect(ended).toEqual([0, 0, 0]);
    expect([...session.read("count")]).toEqual([24]);
  });
});

describe("evaluate", () => {
  const weight = parameter("weight", [2], "vector");
  const y = relu({ x: scale({ x: weight }, { factor: 1 / 3 }) }, {});

  it("computes in 64 or 32 bits", () => {
    const feeds = new Map([[weight, [1, -1]]]);
    expect(evaluate([y], feeds)[0]).toEqual(Float64Array.of(1 / 3, 0));
    expect(evaluate([y], feeds, { bits: 32 })[0]).toEqual(Float32Array.of(1 / 3, 0));
  });

  it("gives back what it is fed, and asks for what is missing or of another length", () => {
    expect([...evaluate([weight], new Map([[weight, [4, 5]]]))[0]]).toEqual([4, 5]);
    expect(() => evaluate([y], new Map())).toThrow(ShapeError);
    expect(() => evaluate([y], new Map([[weight, [1, 2, 3]]]))).toThrow("weight [2] takes 2 numbers; came 3");
  });
});
