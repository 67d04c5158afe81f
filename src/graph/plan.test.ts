import { expect, it, describe as suite } from "vitest";
import { randomFeeds } from "../../test/gradients.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { evaluate } from "../engines/js/evaluate.ts";
import { add } from "../ops/add.ts";
import { conv2d } from "../ops/conv2d.ts";
import { input, parameter } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { sum } from "../ops/sum.ts";
import { gradients } from "./backward.ts";
import { describe } from "./describe.ts";
import { plan } from "./plan.ts";
import { StateLayout } from "./state-layout.ts";

function smallNet() {
  const x = input("x", [2, 6, 6, 3]);
  const weight = parameter("conv.weight", [3, 3, 3, 4], "filter");
  const bias = parameter("conv.bias", [4], "vector");
  const weight2 = parameter("conv2.weight", [3, 3, 4, 4], "filter");
  const a = relu({ x: conv2d({ x, weight, bias }, { padding: 1 }) }, {});
  const b = relu(
    { x: add({ a: conv2d({ x: a, weight: weight2, bias: undefined }, { padding: 1 }), b: a }, {}) },
    {},
  );
  const loss = sum({ x: b }, { axes: [0, 1, 2, 3] });
  return { x, weight, bias, weight2, b, loss };
}

suite("plan", () => {
  it("fuses chains, reuses memory and computes what separate tensors would", async () => {
    const { weight, bias, weight2, b, loss } = smallNet();
    const [dWeight, dBias, dWeight2] = gradients(loss, [weight, bias, weight2]);
    if (!dWeight || !dBias || !dWeight2) throw new Error("no gradient");
    const state = new StateLayout();
    state.append(
      "parameters",
      [weight, bias, weight2].map((each) => ({ name: each.name, shape: each.shape, kind: "vector" })),
    );
    const planned = plan({ outputs: { b, loss, dWeight, dBias, dWeight2 }, state });
    expect(planned.steps.map((step) => step.name)).toContain("conv2d: conv2d + add + relu");
    const separate = planned.buffers.reduce((total, buffer) => total + buffer.elements, 0);
    expect(planned.workElements).toBeLessThan(separate);
    expect(describe(planned)).toContain("work memory: peak");

    const feeds = randomFeeds([b]);
    const expected = evaluate([b, loss, dWeight, dBias, dWeight2], feeds, { bits: 32 });
    const session = await jsEngine().open(state);
    for (const each of [weight, bias, weight2]) session.write(each.name, feeds.get(each) ?? []);
    const program = await session.load(planned);
    const x = [...feeds.keys()].find((each) => each.name === "x");
    const found = await program.run({ x: x === undefined ? [] : (feeds.get(x) ?? []) });
    for (const [i, name] of ["b", "loss", "dWeight", "dBias", "dWeight2"].entries())
      for (const [at, value] of expected[i].entries()) expect(found[name][at]).toBeCloseTo(value, 3);
  });
});
