import { expect, test } from "vitest";
import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import { lenet5 } from "../models/lenet5.ts";
import { build } from "../nn/index.ts";
import { input } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { scale } from "../ops/scale.ts";
import { leastSharedWork, workOf } from "./work.ts";

test("work is multiply-adds and twice the bytes of each step", () => {
  const y = relu({ x: scale({ x: input("x", [10]) }, { factor: 2 }) }, {});
  const planned = plan({ outputs: { y }, state: new StateLayout() });
  // One step, fused: ten numbers read and ten written.
  expect(workOf(planned)).toBe(planned.steps.reduce((sum, { macs }) => sum + macs, 0) + 2 * 4 * 20);
});

test.each([
  [1, false],
  [64, true],
])("LeNet-5 on %i images is shared among threads: %s", (images, isShared) => {
  const network = build(lenet5(), { input: [images, 28, 28, 1], training: false });
  const state = new StateLayout();
  state.append("parameters", network.parameters);
  expect(workOf(plan({ outputs: network.outputs, state })) >= leastSharedWork).toBe(isShared);
});
