import { describe, expect, it } from "vitest";
import { planOf } from "../../test/on-engine.ts";
import { gradients } from "../graph/backward.ts";
import * as ops from "../ops/index.ts";
import { input, type Tensor } from "../ops/operation.ts";
import type { Layout } from "./layout.ts";
import { asContraction, type Contraction, mergeRuns } from "./schedule-contraction.ts";
import type { Operand } from "./value.ts";

/** Each part of the steps that compute `tensor`, as a contraction or not. */
function contractionsIn(tensor: Tensor): (Contraction | undefined)[] {
  const { steps, layouts } = planOf([tensor]);
  const layoutOf = (operand: Operand): Layout => {
    const layout = layouts.get(operand);
    if (layout === undefined) throw new Error("no layout");
    return layout;
  };
  return steps.flatMap(({ formula, target }) => formula.map((part) => asContraction(part, target, layoutOf)));
}

const extents = (axes: readonly { readonly extent: number }[]) => axes.map(({ extent }) => extent);

const x = input("x", [2, 7, 6, 5]);
const convolved = (attributes = {}) =>
  ops.conv2d({ x, weight: input("weight", [3, 3, 5, 8]), bias: undefined }, { padding: 1, ...attributes });

describe("asContraction", () => {
  it("sees places as rows, filters as columns and taps as the sum of a convolution", () => {
    const [found] = contractionsIn(convolved());
    expect(found?.n.extent).toBe(8);
    expect(extents(found?.m ?? [])).toEqual([2, 7, 6]);
    expect(extents(found?.k ?? [])).toEqual([3, 3, 5]);
    expect(found?.batch).toEqual([]);
  });

  it("sees the groups of a convolution as a batch of products", () => {
    const grouped = ops.conv2d(
      { x: input("x", [2, 7, 6, 6]), weight: input("weight", [3, 3, 3, 8]), bias: undefined },
      { padding: 1, groups: 2 },
    );
    const [found] = contractionsIn(grouped);
    expect([found?.n.extent, extents(found?.batch ?? [])]).toEqual([4, [2]]);
  });

  it("sees both gradients of a convolution, and each phase of a strided one", () => {
    const weight = input("weight", [3, 3, 5, 8]);
    const y = ops.conv2d({ x, weight, bias: undefined }, { padding: 1, stride: 2 });
    const loss = ops.sum({ x: ops.multiply({ a: y, b: input("dy", y.shape) }, {}) }, { axes: [0, 1, 2, 3] });
    const [dx, dWeight] = gradients(loss, [x, weight]);
    if (dx === undefined || dWeight === undefined) throw new Error("no gradient");
    const products = (tensor: Tensor) => contractionsIn(tensor).filter((each) => each !== undefined);
    expect(products(dx).map(({ k }) => extents(k))).toEqual([[8], [2, 8], [2, 8], [2, 2, 8]]);
    expect(products(dWeight).map(({ k }) => extents(k))).toEqual([[2, 4, 3]]);
  });

  it.each<[string, (y: Tensor) => Tensor]>([
    ["bias and ReLU", (y) => ops.relu({ x: ops.add({ a: y, b: input("bias", [8]) }, {}) }, {})],
    ["a leaky ReLU", (y) => ops.leakyRelu({ x: y }, {})],
    ["an exponential linear unit", (y) => ops.elu({ x: y }, {})],
    ["a gate of itself", (y) => ops.silu({ x: y })],
    ["a residual", (y) => ops.add({ a: y, b: input("residual", y.shape) }, {})],
  ])("sees it with %s around the sum", (_, around) => {
    expect(contractionsIn(around(convolved())).filter((each) => each !== undefined)).toHaveLength(1);
  });

  it("sees linear layers and products of matrices", () => {
    const rows = input("rows", [4, 9]);
    const linear = ops.linear({ x: rows, weight: input("weight", [9, 3]), bias: input("bias", [3]) }, {});
    expect(contractionsIn(linear)[0]?.n.extent).toBe(3);
    const product = ops.matmul({ a: rows, b: input("b", [5, 9]) }, { transposeB: true });
    expect(extents(contractionsIn(product)[0]?.k ?? [])).toEqual([9]);
  });

  it("leaves pools, plain sums, depthwise convolutions and products of single numbers to others", () => {
    const depthwise = ops.conv2d(
      { x, weight: input("weight", [3, 3, 1, 5]), bias: undefined },
      { groups: 5 },
    );
    for (const tensor of [
      ops.maxPool2d({ x }, { kernel: 2 }),
      ops.avgPool2d({ x }, { kernel: 2 }),
      ops.sum({ x }, { axes: [0, 1] }),
      ops.multiply({ a: x, b: x }, {}),
      depthwise,
    ])
      expect(contractionsIn(tensor).every((each) => each === undefined)).toBe(true);
  });
});

describe("mergeRuns", () => {
  it("makes one run of axes that every table steps through as one", () => {
    const axes = [4, 3, 5].map((extent, i) => ({ kind: "axis" as const, name: `a${i}`, extent }));
    const table =
      (...factors: readonly number[]) =>
      (axis: (typeof axes)[number]) =>
        factors[axes.indexOf(axis)];
    const merged = (...tables: ReturnType<typeof table>[]) =>
      mergeRuns(axes, tables).map(({ extent, factors }) => [extent, factors]);
    expect(merged(table(15, 5, 1))).toEqual([[60, [1]]]);
    expect(merged(table(15, 5, 1), table(30, 10, 2))).toEqual([[60, [1, 2]]]);
    expect(merged(table(16, 5, 1))).toEqual([
      [4, [16]],
      [15, [1]],
    ]);
    expect(merged(table(15, 5, 1), table(15, 6, 1))).toEqual([
      [4, [15, 15]],
      [3, [5, 6]],
      [5, [1, 1]],
    ]);
  });
});
