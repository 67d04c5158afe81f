import { expect, it, describe as suite } from "vitest";
import { jsEngine } from "../engines/js/engine.ts";
import { over } from "../kernels/formula.ts";
import { index } from "../kernels/index-expression.ts";
import * as ops from "../ops/index.ts";
import { defineOp, input, type Op, parameter, state, type Tensor } from "../ops/operation.ts";
import type { Update } from "./placement.ts";
import { plan } from "./plan.ts";
import { memories } from "./planned.ts";
import { StateLayout } from "./state-layout.ts";

const relu = (x: Tensor) => ops.relu({ x }, {});
const scaled = (x: Tensor, factor = 2) => ops.scale({ x }, { factor });
const joined = (...tensors: Tensor[]) => ops.concat({ ...tensors }, {});

suite("updates", () => {
  const state4 = (name: string) => state(name, [4]);
  const v = input("v", [4]);
  const values = [9, -10, 11, -12];

  function layoutOf(...tensors: readonly Tensor[]): StateLayout {
    const layout = new StateLayout();
    for (const { name, shape } of tensors) layout.append(`${name} alone`, [{ name, shape, kind: "vector" }]);
    return layout;
  }

  /** What states hold after one run, having held 1, 2, 3, 4 and 5, 6, 7, 8. */
  async function after(updates: readonly Update[], outputs: Record<string, Tensor> = {}) {
    const layout = layoutOf(s, t);
    const planned = plan({ outputs, updates, state: layout });
    const session = await jsEngine().open(layout);
    session.write("s", [1, 2, 3, 4]);
    session.write("t", [5, 6, 7, 8]);
    const program = await session.load(planned);
    const given = await program.run("v" in planned.inputs ? { v: values } : {});
    const results = Object.fromEntries(Object.entries(given).map(([name, each]) => [name, [...each]]));
    return { s: [...session.read("s")], t: [...session.read("t")], planned, results };
  }
  const [s, t] = [state4("s"), state4("t")];
  const [olds, oldt] = [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ];

  it("are written over the old values by the kernel that computes them", async () => {
    const found = await after([{ target: s, value: ops.add({ a: scaled(s, 10), b: v }, {}) }]);
    expect([found.s, found.t]).toEqual([[19, 10, 41, 28], oldt]);
    expect(found.planned.steps).toHaveLength(1);
    expect(found.planned.steps[0].target).toMatchObject({ buffer: memories.state, offset: 0 });
  });

  it("may be inputs, views, parameters and values of two states", async () => {
    expect((await after([{ target: s, value: v }])).s).toEqual(values);
    const square = ops.reshape({ x: relu(ops.reshape({ x: v }, { shape: [2, 2] })) }, { shape: [4] });
    expect((await after([{ target: s, value: square }])).s).toEqual([9, 0, 11, 0]);
    expect((await after([{ target: s, value: t }])).s).toEqual(oldt);
    const both = scaled(v);
    const found = await after([
      { target: s, value: both },
      { target: t, value: both },
    ]);
    expect([found.s, found.t]).toEqual([values.map((each) => 2 * each), values.map((each) => 2 * each)]);
  });

  it("take effect together: two states can change places", async () => {
    const found = await after([
      { target: s, value: t },
      { target: t, value: s },
    ]);
    expect([found.s, found.t]).toEqual([oldt, olds]);
    const scaledSwap = await after([
      { target: s, value: scaled(t) },
      { target: t, value: scaled(s) },
    ]);
    expect([scaledSwap.s, scaledSwap.t]).toEqual([
      oldt.map((each) => 2 * each),
      olds.map((each) => 2 * each),
    ]);
  });

  it("leave the old values to all that reads them, whenever it was made", async () => {
    const value = relu(ops.subtract({ a: v, b: s }, {}));
    const late = ops.add({ a: value, b: scaled(s, 100) }, {});
    const found = await after([{ target: s, value }], { late, old: s });
    expect(found.s).toEqual([8, 0, 8, 0]);
    expect(found.results.late).toEqual([108, 200, 308, 400]);
  });

  it("that read other places of what they write are copied there afterwards", async () => {
    const reversed: Op<"x"> = defineOp({
      name: "reversed",
      shape: ({ x }) => x,
      value: ({ x }, _, [n]) => [over([n], (i) => x.at(index(n - 1).minus(i)))],
    });
    expect((await after([{ target: s, value: reversed({ x: s }, {}) }])).s).toEqual([4, 3, 2, 1]);
    const total = ops.sum(
      { x: ops.matmul({ a: ops.reshape({ x: s }, { shape: [4, 1] }), b: input("v", [1, 4]) }, {}) },
      { axes: [0] },
    );
    expect((await after([{ target: s, value: total }])).s).toEqual(values.map((each) => 10 * each));
  });

  it("that are joined of several are written piece by piece, each by its own kernel", async () => {
    const half = (x: Tensor, from: number) => ops.slice({ x }, { axis: 0, from, length: 2 });
    const value = joined(scaled(half(v, 0)), ops.add({ a: half(v, 2), b: half(s, 2) }, {}));
    const found = await after([{ target: s, value }]);
    expect(found.s).toEqual([2 * values[0], 2 * values[1], values[2] + 3, values[3] + 4]);
    expect(found.planned.steps.map(({ target }) => target)).toMatchObject([
      { buffer: memories.state, offset: 0 },
      { buffer: memories.state, offset: 2 },
    ]);
    // The second half is made of the first, and what is read late of all that was there.
    const crossed = joined(scaled(half(s, 2)), scaled(half(s, 0)));
    const late = ops.add({ a: crossed, b: scaled(s, 100) }, {});
    const both = await after([{ target: s, value: crossed }], { late });
    expect(both.s).toEqual([6, 8, 2, 4]);
    expect(both.results.late).toEqual([106, 208, 302, 404]);
  });

  it("of a stretch are those of the tensors in it", async () => {
    const layout = new StateLayout();
    const all = layout.append("parameters", [
      { name: "a", shape: [2], kind: "vector" },
      { name: "b", shape: [3], kind: "vector" },
    ]);
    if (all === undefined) throw new Error("no stretch");
    const b = parameter("b", [3], "vector");
    const value = ops.add({ a: all, b: input("d", [5]) }, {});
    // Made later than the update, of a parameter that is in it: it must still see the old value.
    const late = scaled(b, 10);
    const session = await jsEngine().open(layout);
    session.write("a", [1, 2]);
    session.write("b", [3, 4, 5]);
    const program = await session.load(
      plan({ outputs: { late }, updates: [{ target: all, value }], state: layout }),
    );
    const { late: found } = await program.run({ d: [10, 20, 30, 40, 50] });
    expect([...found]).toEqual([30, 40, 50]);
    expect([...session.read("a"), ...session.read("b")]).toEqual([11, 22, 33, 44, 55]);
  });
});
