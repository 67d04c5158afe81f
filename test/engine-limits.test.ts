/** What engines do when they cannot: too little memory, kernels that fail, workers that die, callers that err. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import type { Engine, Session } from "../src/engines/engine.ts";
import { jsEngine } from "../src/engines/js/engine.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { wasmEngine } from "../src/engines/wasm/engine.ts";
import { plan } from "../src/graph/plan.ts";
import type { Plan } from "../src/graph/planned.ts";
import { StateLayout } from "../src/graph/state-layout.ts";
import { over } from "../src/kernels/formula.ts";
import { index } from "../src/kernels/index-expression.ts";
import { alexnet } from "../src/models/alexnet.ts";
import { build } from "../src/nn/index.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import { defineOp, input, type Op, parameter, type Tensor } from "../src/ops/operation.ts";
import { relu } from "../src/ops/relu.ts";
import { EngineError, OptionError, ShapeError } from "../src/tensor/errors.ts";

const open: Engine[] = [];
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose();
});

async function started(engine: Engine | Promise<Engine>): Promise<Engine> {
  const one = await engine;
  open.push(one);
  return one;
}

const empty = new StateLayout();

/** y = max(x, 0) over so many elements, in many tasks. */
function reluPlan(elements = 64): Plan {
  return plan({ outputs: { y: relu({ x: input("x", [elements]) }, {}) }, state: empty });
}

/** Reads x far beyond its end: what a kernel with a mistake does. */
const astray: Op<"x"> = defineOp({
  name: "astray",
  shape: ({ x }) => x,
  value: ({ x }, _, shape) => [over(shape, (i) => x.at(index(i).plus(2 ** 28)))],
});

const astrayPlan = () => plan({ outputs: { y: astray({ x: input("x", [100_000]) }, {}) }, state: empty });

/** The rejection of a promise; a promise that is kept fails the test. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("memory", () => {
  it("refuses a network that needs more than 4 GiB before it runs, and goes on with one that does not", async () => {
    const network = build(alexnet(), { input: [8192, 224, 224, 3] });
    const state = new StateLayout();
    const huge = plan({ outputs: network.outputs, state: withParameters(state, network.parameters) });
    const engine = await started(wasmEngine({ threads: 1 }));
    const session = await engine.open(state);
    const error = await rejection(session.load(huge));
    expect(error).toBeInstanceOf(EngineError);
    expect(String(error)).toMatch(/needs \d+\.\d GiB, but WebAssembly addresses 4\.0 GiB at most/);
    expect((error as EngineError).facts.bytes).toBeGreaterThan(2 ** 32);
    const program = await session.load(reluPlan());
    expect((await program.run({ x: new Float32Array(64).fill(-1) })).y[5]).toBe(0);
  });

  it("counts what one step of a single large convolution needs beside its operands", async () => {
    // x and y alone are 3.2 GiB; the transformed tiles and packed operands come on top.
    const x = input("x", [100, 512, 256, 32]);
    const weight = input("weight", [5, 5, 32, 32]);
    const large = plan({
      outputs: { y: conv2d({ x, weight, bias: undefined }, { padding: 2 }) },
      state: empty,
    });
    expect(4 * large.workElements).toBeGreaterThan(3 * 2 ** 30);
    expect(4 * large.workElements).toBeLessThan(2 ** 32);
    const doubled = plan({
      outputs: { y: conv2d({ x: input("x", [200, 512, 256, 32]), weight, bias: undefined }, { padding: 2 }) },
      state: empty,
    });
    const session = await (await started(wasmEngine({ threads: 1 }))).open(empty);
    const error = await rejection(session.load(doubled));
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).facts.bytes).toBeGreaterThan(4 * doubled.workElements);
  });

  it("refuses parameters that need more than 4 GiB when the session is opened", async () => {
    const state = new StateLayout();
    state.append("parameters", [{ name: "weight", shape: [1024, 1024, 1100], kind: "matrix" }]);
    const engine = await started(wasmEngine({ threads: 1 }));
    const error = await rejection(engine.open(state));
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).facts.bytes).toBeGreaterThan(2 ** 32);
  });
});

function withParameters(
  state: StateLayout,
  parameters: readonly { readonly name: string; readonly tensor: Tensor }[],
): StateLayout {
  state.append(
    "parameters",
    parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape, kind: "vector" })),
  );
  return state;
}

describe("options of the wasm engine", () => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 100_000])(
    "refuses %d threads",
    async (threads) => {
      const error = await rejection(wasmEngine({ threads, leastSharedWork: 0 }));
      expect(error).toBeInstanceOf(OptionError);
      expect(String(error)).toContain(`threads is ${threads}`);
    },
  );

  it("refuses two threads in memory of one, and says how a page comes to share memory", async () => {
    const error = await rejection(wasmEngine({ threads: 2, sharedMemory: false }));
    expect(error).toBeInstanceOf(OptionError);
    expect(String(error)).toContain("Cross-Origin-Opener-Policy");
  });

  it("takes one thread where memory is not shared and nothing is said", async () => {
    expect((await started(wasmEngine({ sharedMemory: false }))).threads).toBe(1);
  });
});

for (const [name, start] of [
  ["js", jsEngine],
  ["wasm", () => wasmEngine({ threads: 1 })],
] as const)
  describe(`what a caller gives the ${name} engine`, () => {
    async function session(): Promise<Session> {
      const state = new StateLayout();
      state.append("parameters", [{ name: "layer1.weight", shape: [2, 3], kind: "matrix" }]);
      return (await started(start())).open(state);
    }

    it("must be an input of the right length: the error names it, its shape and the others", async () => {
      const [a, b] = [input("image", [1, 2, 2, 3]), input("labels", [1])];
      const program = await (await session()).load(
        plan({ outputs: { a: relu({ x: a }, {}), b: relu({ x: b }, {}) }, state: empty }),
      );
      const short = await rejection(program.run({ image: new Float32Array(11), labels: [1] }));
      expect(short).toBeInstanceOf(ShapeError);
      expect(String(short)).toContain("input image [1, 2, 2, 3] takes 12 numbers, but 11 came");
      expect(String(short)).toContain("image, labels");
      const missing = await rejection(program.run({ image: new Float32Array(12) }));
      expect(missing).toBeInstanceOf(ShapeError);
      expect(String(missing)).toContain("input labels [1] takes 1 numbers, but nothing came");
      const right = await program.run({ image: new Float32Array(12).fill(3), labels: [1] });
      expect(right.a[11]).toBe(3);
    });

    it("must name what lasts, and bring as many numbers as it has", async () => {
      const one = await session();
      expect(() => one.read("layer2.weight")).toThrow(ShapeError);
      expect(() => one.read("layer2.weight")).toThrow("layer2.weight");
      expect(() => one.write("layer2.weight", [1])).toThrow("layer2.weight");
      expect(() => one.write("layer1.weight", [1, 2])).toThrow("takes 6 numbers, but 2 came");
      one.write("layer1.weight", [1, 2, 3, 4, 5, 6]);
      expect([...one.read("layer1.weight")]).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it("gets copies of what lasts, and zeros before anything is written", async () => {
      const one = await session();
      const before = one.read("layer1.weight");
      expect([...before]).toEqual([0, 0, 0, 0, 0, 0]);
      one.write("layer1.weight", [1, 1, 1, 1, 1, 1]);
      expect(before[0]).toBe(0);
    });

    it("must be a plan whose parameters are among what lasts", async () => {
      const stranger = parameter("layer9.weight", [2, 2], "matrix");
      const y = relu({ x: stranger }, {});
      expect(() => plan({ outputs: { y }, state: empty })).toThrow("layer9.weight");
    });
  });

describe.each([1, 2])("failures on %i threads", (threads) => {
  const sessionOn = async () => (await started(wasmEngine({ threads, leastSharedWork: 0 }))).open(empty);

  it("turns a kernel that traps into an EngineError with its cause, at once", async () => {
    const session = await sessionOn();
    const program = await session.load(astrayPlan());
    const began = performance.now();
    const error = await rejection(program.run({ x: new Float32Array(100_000) }));
    expect(performance.now() - began).toBeLessThan(5000);
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).cause).toBeDefined();
    // Whichever thread took the task: what trapped is in the message.
    expect(String(error)).toContain("failed: RuntimeError: memory access out of bounds");
  });

  it("refuses further runs and plans of a session that failed, and opens another", async () => {
    const engine = await started(wasmEngine({ threads, leastSharedWork: 0 }));
    const session = await engine.open(empty);
    const [healthy, program] = [await session.load(reluPlan()), await session.load(astrayPlan())];
    await rejection(program.run({ x: new Float32Array(100_000) }));
    expect(await rejection(healthy.run({ x: new Float32Array(64) }))).toBeInstanceOf(EngineError);
    expect(await rejection(session.load(reluPlan()))).toBeInstanceOf(EngineError);
    const next = await (await engine.open(empty)).load(reluPlan());
    expect((await next.run({ x: new Float32Array(64).fill(2) })).y[63]).toBe(2);
  });

  it("refuses to run on and load into a session that was disposed of", async () => {
    const session = await sessionOn();
    const program = await session.load(reluPlan());
    session.dispose();
    const began = performance.now();
    expect(await rejection(program.run({ x: new Float32Array(64) }))).toBeInstanceOf(EngineError);
    expect(await rejection(session.load(reluPlan()))).toBeInstanceOf(EngineError);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("gives up what is being loaded when a session is disposed of", async () => {
    const session = await sessionOn();
    const loading = session.load(reluPlan());
    const running = loading.then((program) => program.run({ x: new Float32Array(64) }));
    const early = rejection(running);
    session.dispose();
    expect(await early).toBeInstanceOf(EngineError);

    const later = await sessionOn();
    const second = rejection(later.load(reluPlan()));
    // Far enough for a worker to have been asked.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    later.dispose();
    const outcome = await second.catch((kept: Error) => kept.message);
    expect(outcome instanceof EngineError || outcome === "nothing was thrown").toBe(true);
  });

  it("loads several plans at once, and runs one while another is loaded", async () => {
    const session = await sessionOn();
    const first = await session.load(reluPlan(100_000));
    const x = new Float32Array(100_000).fill(1);
    const [second, third, run] = await Promise.all([
      session.load(reluPlan(16)),
      session.load(reluPlan(32)),
      first.run({ x }),
    ]);
    expect(run.y[99_999]).toBe(1);
    expect((await second.run({ x: x.subarray(0, 16) })).y[15]).toBe(1);
    expect((await third.run({ x: x.subarray(0, 32) })).y[31]).toBe(1);
  });
});

describe("workers", () => {
  const shared = { threads: 2, leastSharedWork: 0 };

  it.each([
    ["wasm", () => wasmEngine(shared)],
    ["native", () => nativeEngine(shared)],
  ])("of the %s engine that die between runs give an EngineError, not a wait", async (_, start) => {
    const session = await (await started(start())).open(empty);
    const program = await session.load(reluPlan(100_000));
    await program.run({ x: new Float32Array(100_000) });
    await killWorkers(session);
    const began = performance.now();
    const error = await rejection(program.run({ x: new Float32Array(100_000) }));
    expect(error).toBeInstanceOf(EngineError);
    expect(String(error)).toContain("do not work any more");
    expect(await rejection(session.load(reluPlan(100_000)))).toBeInstanceOf(EngineError);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("of the native engine that die while others wait for them stop those within a moment", async () => {
    const session = await (await started(nativeEngine({ threads: 2, leastSharedWork: 0 }))).open(empty);
    const program = await session.load(reluPlan(100_000));
    await program.run({ x: new Float32Array(100_000) });
    const [{ thread }] = membersOf(session);
    // Not awaited: the run begins before this thread can hear of the other's end.
    const stopped = thread.stop();
    const began = performance.now();
    const outcome = await program.run({ x: new Float32Array(100_000) }).then(
      () => "it was quicker",
      (error: unknown) => error,
    );
    expect(performance.now() - began).toBeLessThan(2000);
    if (outcome !== "it was quicker") {
      expect(outcome).toBeInstanceOf(EngineError);
      expect(String(outcome)).toContain("a worker thread failed: it died, or does not answer");
    }
    await stopped;
    expect(await rejection(program.run({ x: new Float32Array(100_000) }))).toBeInstanceOf(EngineError);
  });

  it("let the process end by itself, whether the engine was disposed of or not", async () => {
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const script = (end: string) => `
      const { wasmEngine, plan, StateLayout } = await import(${JSON.stringify(entry.replace("index.js", "engines/index.js"))})
        .then(async (engines) => ({ ...engines, ...(await import(${JSON.stringify(entry.replace("index.js", "graph/index.js"))})) }));
      const { input, relu } = await import(${JSON.stringify(entry.replace("index.js", "ops/index.js"))});
      const state = new StateLayout();
      const engine = await wasmEngine({ threads: 3, leastSharedWork: 0 });
      const session = await engine.open(state);
      const program = await session.load(plan({ outputs: { y: relu({ x: input("x", [50000]) }, {}) }, state }));
      const { y } = await program.run({ x: new Float32Array(50000).fill(7) });
      console.log(y[49999]);
      ${end}`;
    const results = await Promise.all(
      ["", "engine.dispose();"].map((end) =>
        promisify(execFile)(process.execPath, ["--input-type=module", "-e", script(end)], {
          timeout: 15_000,
        }),
      ),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(["7\n", "7\n"]);
  });
});

/** The session's worker threads: nothing public reaches them, and should not. */
function membersOf(session: Session): readonly { readonly thread: { stop(): Promise<void> } }[] {
  const { pool } = session as unknown as { pool: { members: ReturnType<typeof membersOf> } };
  expect(pool.members).toHaveLength(1);
  return pool.members;
}

/** Ends the session's worker threads behind its back, as a crash would. */
async function killWorkers(session: Session): Promise<void> {
  await Promise.all(membersOf(session).map(({ thread }) => thread.stop()));
  await new Promise((resolve) => setTimeout(resolve, 20));
}
