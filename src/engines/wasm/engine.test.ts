import { afterEach, describe, expect, it } from "vitest";
import { compile } from "../../../test/compute.ts";
import { openEmpty, planOf, valuesOn } from "../../../test/on-engine.ts";
import { gradients } from "../../graph/backward.ts";
import { plan } from "../../graph/plan.ts";
import { StateLayout } from "../../graph/state-layout.ts";
import * as ops from "../../ops/index.ts";
import { input, state, type Tensor } from "../../ops/operation.ts";
import { type Shape, size } from "../../tensor/shape.ts";
import type { Engine } from "../engine.ts";
import { type WasmEngineOptions, wasmEngine } from "./engine.ts";
import { wasmFeatures } from "./features.ts";

const open: Engine[] = [];
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose();
});

async function engineOf(options: WasmEngineOptions): Promise<Engine> {
  const engine = await wasmEngine(options);
  open.push(engine);
  return engine;
}

/** Whole numbers, whose sums of products are exact. */
const whole = (shape: Shape) => Float32Array.from({ length: size(shape) }, (_, i) => ((i * 31) % 7) - 3);

const feedsOf = (...tensors: Tensor[]) => new Map(tensors.map((tensor) => [tensor, whole(tensor.shape)]));

function exactly(found: Float32Array, outputs: readonly Tensor[], feeds: ReadonlyMap<Tensor, Float32Array>) {
  const [truth] = compile(outputs)(feeds);
  expect(Array.from(found, (each) => each + 0)).toEqual(Array.from(truth, (each) => each + 0));
}

describe("wasmFeatures", () => {
  it("finds SIMD, multiply-adds with one rounding and shared memory in Node", async () => {
    const { joinedVectors, loadsInOrder, ...always } = await wasmFeatures();
    expect(always).toEqual({ simd: true, relaxedSimd: true, sharedMemory: true });
    const [node] = process.versions.node.split(".").map(Number);
    expect(loadsInOrder).toBe(node >= 24);
    if (node < 24 || process.arch !== "x64") expect(joinedVectors).toBe(false);
  });
});

describe.each<[string, WasmEngineOptions]>([
  ["one thread", { threads: 1 }],
  ["two threads", { threads: 2, leastSharedWork: 0 }],
  ["memory of one thread", { sharedMemory: false }],
])("the wasm engine with %s", (_, options) => {
  it("says what it is", async () => {
    const engine = await engineOf(options);
    expect([engine.name, engine.threads]).toEqual(["wasm", options.threads ?? 1]);
  });

  it("runs programs of one session in any order, each with tables and scratch memory of its own", async () => {
    const session = await openEmpty(await engineOf(options));
    const made = [];
    for (const [c, k, h] of [
      [3, 5, 6],
      [7, 4, 9],
      [20, 13, 4],
    ]) {
      const [x, weight] = [input("x", [2, h, h, c]), input("weight", [3, 3, c, k])];
      const y = ops.conv2d({ x, weight, bias: undefined }, { padding: 1, stride: 2 });
      const program = await session.load(planOf([y]));
      made.push({ y, program, feeds: feedsOf(x, weight) });
    }
    for (const which of [0, 1, 0, 2, 2, 1, 0]) {
      const { y, program, feeds } = made[which];
      const inputs = Object.fromEntries([...feeds].map(([{ name }, values]) => [name, values]));
      exactly((await program.run(inputs))["0"], [y], feeds);
    }
  });

  it("makes room for more tables than it first thought of", async () => {
    const session = await openEmpty(await engineOf(options));
    // 25 taps of 1,000 channels: 25,000 steps of a sum through a box, more than 64 KiB.
    const [x, weight] = [input("x", [1, 3, 4, 1000]), input("weight", [5, 5, 1000, 3])];
    const y = ops.conv2d({ x, weight, bias: undefined }, { padding: 2 });
    const [found] = await valuesOn(session, [y], feedsOf(x, weight));
    exactly(found, [y], feedsOf(x, weight));
  });

  it("tells the end of each step, in order", async () => {
    const session = await openEmpty(await engineOf(options));
    const x = input("x", [2, 8, 8, 3]);
    const weight = input("weight", [3, 3, 3, 8]);
    const y = ops.maxPool2d({ x: ops.conv2d({ x, weight, bias: undefined }, { padding: 1 }) }, { kernel: 2 });
    const loss = ops.sum({ x: y }, { axes: [0, 1, 2, 3] });
    const outputs = [loss, ...gradients(loss, [weight]).filter((each) => each !== undefined)];
    const program = await session.load(planOf(outputs));
    const ended: number[] = [];
    await program.run({ x: whole(x.shape), weight: whole(weight.shape) }, {}, (step) => ended.push(step));
    expect(ended).toEqual(program.plan.steps.map((_, i) => i));
  });

  it("keeps what lasts from program to program while its memory grows", async () => {
    const layout = new StateLayout();
    const total = state("total", [1000]);
    layout.append("states", [{ name: "total", shape: [1000], kind: "vector" }]);
    const session = await (await engineOf(options)).open(layout);
    session.write("total", new Float32Array(1000).fill(1));
    for (const rows of [1, 300, 20, 1500]) {
      const x = input("x", [rows, 1000]);
      const value = ops.add({ a: total, b: ops.sum({ x }, { axes: [0] }) }, {});
      const program = await session.load(
        plan({ outputs: {}, updates: [{ target: total, value }], state: layout }),
      );
      await program.run({ x: new Float32Array(rows * 1000).fill(2) });
    }
    expect([...new Set(session.read("total"))]).toEqual([1 + 2 * (1 + 300 + 20 + 1500)]);
  });

  it("adds products to a state where it lies", async () => {
    const layout = new StateLayout();
    const total = state("total", [13, 29]);
    layout.append("states", [{ name: "total", shape: [13, 29], kind: "matrix" }]);
    const session = await (await engineOf(options)).open(layout);
    const [a, b] = [input("a", [13, 31]), input("b", [31, 29])];
    const value = ops.add({ a: total, b: ops.matmul({ a, b }, {}) }, {});
    const planned = plan({ outputs: {}, updates: [{ target: total, value }], state: layout });
    expect(planned.steps).toHaveLength(1);
    const program = await session.load(planned);
    for (let run = 0; run < 3; run++) await program.run({ a: whole(a.shape), b: whole(b.shape) });
    const [product] = compile([ops.matmul({ a, b }, {})])(feedsOf(a, b));
    expect([...session.read("total")]).toEqual(Array.from(product, (each) => 3 * each));
  });

  it("keeps sessions apart", async () => {
    const layout = new StateLayout();
    layout.append("states", [{ name: "s", shape: [3], kind: "vector" }]);
    const engine = await engineOf(options);
    const [one, other] = [await engine.open(layout), await engine.open(layout)];
    one.write("s", [1, 2, 3]);
    expect([...other.read("s")]).toEqual([0, 0, 0]);
    one.dispose();
    other.write("s", [4, 5, 6]);
    expect([...other.read("s")]).toEqual([4, 5, 6]);
  });
});

describe("vectors of 256 bits", () => {
  it("are there or not, which is said", async () => {
    const { joinedVectors } = await wasmFeatures();
    if (joinedVectors) expect((await engineOf({ vectors: 256, exact: true })).name).toBe("wasm-256-exact");
    else await expect(wasmEngine({ vectors: 256 })).rejects.toThrow(/no vectors of 256 bits.*Node 24/);
  });

  it("are none of other sizes", async () => {
    await expect(wasmEngine({ vectors: 512 as 256 })).rejects.toThrow(
      "vectors is 512, but must be 128 or 256.",
    );
  });
});

describe("thread counts", () => {
  it("beyond the number of tasks leave threads idle", async () => {
    const session = await openEmpty(await engineOf({ threads: 5, leastSharedWork: 0 }));
    const x = input("x", [3]);
    const y = ops.scale({ x }, { factor: 2 });
    exactly((await valuesOn(session, [y], feedsOf(x)))[0], [y], feedsOf(x));
  });
});
