/**
 * The default engine: kernels as WebAssembly with 128-bit SIMD, worker threads over one shared memory, and a form without
 * threads for pages that are not cross-origin isolated. Needs no native code.
 */

import { formatBytes } from "../../graph/describe.ts";
import type { Plan } from "../../graph/planned.ts";
import type { StateLayout } from "../../graph/state-layout.ts";
import type { Numbers } from "../../kernels/javascript.ts";
import { doublePrecision, singlePrecision } from "../../kernels/wasm/assembler.ts";
import type { VectorCode } from "../../kernels/wasm/column-groups.ts";
import { type RenderOptions, render } from "../../kernels/wasm/render.ts";
import type { MemoryMap } from "../../kernels/wasm/target.ts";
import { scalarOffsets } from "../../kernels/wasm/values.ts";
import { EngineError, OptionError, ShapeError } from "../../tensor/errors.ts";
import { size } from "../../tensor/shape.ts";
import { constantsOf } from "../constants.ts";
import type { Engine, Program, Scalars, Session, StepEnded } from "../engine.ts";
import { collect, feed } from "../feed.ts";
import { type Bits, type NumbersConstructor, refuseOtherBits } from "../numbers.ts";
import { Pool } from "../pool/pool.ts";
import { isNode } from "../pool/thread.ts";
import { Turns } from "../turns.ts";
import { leastSharedWork, workOf } from "../work.ts";
import { joinVectors, type WasmFeatures, wasmFeatures, withoutJoinedVectors } from "./features.ts";

/** `B` is which of both sizes numbers may have. */
export interface WasmEngineOptions<B extends Bits = 32> {
  /** Threads that work on a step. Default: the cores of the machine, 1 where memory cannot be shared. */
  readonly threads?: number;
  /** Work (multiply-adds, and twice the bytes moved) from which on a program is shared among threads. Default 6e6. */
  readonly leastSharedWork?: number;
  /** Whether multiply-adds may round once, where the runtime can. Default true. */
  readonly relaxed?: boolean;
  /** Whether convolutions are summed directly alone, without Winograd's algorithm, whose rounding differs. Default false. */
  readonly exact?: boolean;
  /**
   * Bits of the vectors that kernels are made for: 128 (the default), which WebAssembly has, or 256. These V8 makes of two neighbours in Node
   * 24 and later, on x86-64 with AVX2: convolutions take 0.55 to 0.7 of the time, and results differ by rounding at most. It is an
   * experimental flag of V8, which Striate sets: other modules that the process compiles later are compiled with it as well.
   */
  readonly vectors?: 128 | 256;
  /** false: memory of one thread, as on pages that are not cross-origin isolated. Default: shared where possible. */
  readonly sharedMemory?: boolean;
  /**
   * Bits of a number, in memory and in between: 32 (the default), or 64 for double precision, which tells rounding from mistakes. It goes
   * through the same schedules in half the speed and twice the memory, sums all convolutions directly (as `exact` does), and gives its
   * results in Float64Array.
   */
  readonly bits?: B;
}

const pageBytes = 65536;
const limitBytes = 65536 * pageBytes;
/** The first page holds the control block and the scalars; address 0 stays unused. */
const scalarsAddress = 1024;
const controlAddress = 2048;
const stateAddress = pageBytes;
/** More than any machine has: a number beyond is a mistake that would take the machine down. */
const mostThreads = 1024;

/** Throws an OptionError for options out of their ranges, an EngineError where the runtime has no SIMD, or not the vectors asked for. */
export function wasmEngine(
  options: WasmEngineOptions<64> & { readonly bits: 64 },
): Promise<Engine<Float64Array>>;
export function wasmEngine(options?: WasmEngineOptions): Promise<Engine>;
export async function wasmEngine(options: WasmEngineOptions<Bits> = {}): Promise<Engine<Numbers>> {
  const features = await wasmFeatures();
  const vectorCode = vectorCodeFor(options.vectors, features);
  const engine = await engineOn(features, vectorCode, options);
  if (vectorCode === "joined") await joinVectors();
  return engine;
}

/** What the runtime makes of vectors of so many bits. */
function vectorCodeFor(
  vectors: number | undefined,
  { joinedVectors, loadsInOrder }: WasmFeatures,
): VectorCode {
  if (vectors !== undefined && vectors !== 128 && vectors !== 256)
    throw new OptionError(`vectors is ${vectors}, but must be 128 or 256.`, { vectors });
  if (vectors !== 256) return loadsInOrder ? "ordered" : "hoisted";
  if (!joinedVectors) throw new EngineError(withoutJoinedVectors, { vectors });
  return "joined";
}

/**
 * The engine on a runtime of these features, with kernels for such a compiler. They are right on any, if slow where nothing joins vectors:
 * so tests can run them.
 */
export async function engineOn(
  features: WasmFeatures,
  vectorCode: VectorCode,
  options: WasmEngineOptions<Bits> = {},
): Promise<Engine<Numbers>> {
  const { bits = 32 } = options;
  refuseOtherBits(bits);
  if (!features.simd)
    throw new EngineError(
      "this runtime has no WebAssembly SIMD. Use Node 20 or a current browser, or the js engine.",
    );
  const { threads: wanted, relaxed = true, exact = false, sharedMemory = features.sharedMemory } = options;
  if (wanted !== undefined && (!Number.isInteger(wanted) || wanted < 1 || wanted > mostThreads))
    throw new OptionError(`threads is ${wanted}, but must be a whole number from 1 to ${mostThreads}.`, {
      threads: wanted,
    });
  if (!sharedMemory && wanted !== undefined && wanted > 1)
    throw new OptionError(
      `threads is ${wanted}, but this page cannot share memory between threads: it is not cross-origin isolated. ` +
        "Serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or leave threads out.",
      { threads: wanted },
    );
  const threads = sharedMemory ? (wanted ?? (await cores())) : 1;
  const context = {
    threads,
    relaxed: relaxed && features.relaxedSimd,
    shared: sharedMemory,
    vectorCode,
    leastSharedWork: options.leastSharedWork ?? leastSharedWork,
    features,
  };
  const name = vectorCode === "joined" ? "wasm-256" : "wasm";
  if (bits === 64)
    return new WasmEngine({
      ...context,
      name: `${name}-double`,
      winograd: false,
      numbers: doublePrecision,
      array: Float64Array,
    });
  return new WasmEngine({
    ...context,
    name: exact ? `${name}-exact` : name,
    winograd: !exact,
    numbers: singlePrecision,
    array: Float32Array,
  });
}

async function cores(): Promise<number> {
  if (!isNode()) return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
  const specifier = "node:os";
  const os: typeof import("node:os") = await import(/* @vite-ignore */ specifier);
  return os.availableParallelism();
}

interface Context<Values extends Numbers> extends Required<RenderOptions> {
  readonly name: string;
  readonly features: WasmFeatures;
  readonly leastSharedWork: number;
  /** Views of memory. */
  readonly array: NumbersConstructor<Values>;
}

class WasmEngine<Values extends Numbers> implements Engine<Values> {
  readonly name: string;
  readonly threads: number;
  readonly relaxed: boolean;
  readonly features: WasmFeatures;
  private readonly context: Context<Values>;
  private readonly sessions = new Set<WasmSession<Values>>();

  constructor(context: Context<Values>) {
    this.name = context.name;
    this.threads = context.threads;
    this.relaxed = context.relaxed;
    this.features = context.features;
    this.context = context;
  }

  async open(state: StateLayout): Promise<Session<Values>> {
    const bytes = stateAddress + this.context.numbers.bytes * state.elements;
    refuseBeyondLimit(bytes, "its parameters and optimizer state");
    const initial = Math.ceil(bytes / pageBytes) + 1;
    const memory = this.context.shared
      ? new WebAssembly.Memory({ initial, maximum: limitBytes / pageBytes, shared: true })
      : new WebAssembly.Memory({ initial });
    const pool = await Pool.start(memory, controlAddress, this.threads);
    const session = new WasmSession(state, memory, pool, this.context, () => this.sessions.delete(session));
    this.sessions.add(session);
    return session;
  }

  dispose(): void {
    for (const session of this.sessions) session.dispose();
    this.sessions.clear();
  }
}

class WasmSession<Values extends Numbers> implements Session<Values> {
  private readonly state: StateLayout;
  private readonly memory: WebAssembly.Memory;
  private readonly pool: Pool;
  private readonly context: Context<Values>;
  /** The program whose tables are in memory. */
  private current: object | undefined;
  /** Counts changes of the state: what programs have prepared from an earlier one is no longer true. */
  private version = 0;
  private readonly disposed: () => void;
  private readonly turns = new Turns();

  constructor(
    state: StateLayout,
    memory: WebAssembly.Memory,
    pool: Pool,
    context: Context<Values>,
    disposed: () => void,
  ) {
    this.state = state;
    this.memory = memory;
    this.pool = pool;
    this.context = context;
    this.disposed = disposed;
  }

  load(plan: Plan): Promise<Program<Values>> {
    return this.turns.take(() => this.loadNow(plan));
  }

  private async loadNow(plan: Plan): Promise<Program<Values>> {
    const { context } = this;
    const { bytes } = context.numbers;
    const alone = workOf(plan) < context.leastSharedWork;
    const options = alone ? { ...context, threads: 1 } : context;
    // Tables are known only when the code is made, and the code holds addresses behind them: leave room, and make it
    // again if that was not enough.
    const lasting = { constants: constantsOf(plan), preparation: plan.preparation };
    let [tableBytes, keptBytes] = [64 * 1024, 0];
    let map = this.mapFor(plan, tableBytes, keptBytes);
    let rendered = render(plan.steps, plan.layouts, map, options, lasting);
    if (4 * rendered.tables.length > tableBytes || rendered.keptBytes > keptBytes) {
      tableBytes = Math.max(tableBytes, 4 * rendered.tables.length);
      keptBytes = rendered.keptBytes;
      map = this.mapFor(plan, tableBytes, keptBytes);
      rendered = render(plan.steps, plan.layouts, map, options, lasting);
    }
    const end = map.scratchAddress + rendered.scratchBytes + rendered.slackBytes;
    refuseBeyondLimit(end, "this network at this batch size");
    const missing = Math.ceil(end / pageBytes) - this.memory.buffer.byteLength / pageBytes;
    if (missing > 0) this.grow(missing, end);
    const module = await WebAssembly.compile(rendered.bytes as BufferSource);
    // What is constant comes first, so that a run can begin after it.
    const placed = rendered.steps.flatMap((each, step) => each.map((launch) => ({ launch, step })));
    const ordered = [
      ...placed.filter(({ launch }) => launch.constant),
      ...placed.filter(({ launch }) => !launch.constant),
    ];
    const afterConstants = placed.filter(({ launch }) => launch.constant).length;
    const launches = ordered.map(({ launch }) => launch);
    const start = await this.pool.load({ kind: "wasm", module, launches }, this.memory, { alone });
    let preparedFor = -1;
    const identity = {};
    const ends = new Map(ordered.map(({ step }, launch) => [step, launch]));
    const lastLaunches = new Map([...ends].map(([step, launch]) => [launch, step]));
    const run = (
      inputs: Readonly<Record<string, ArrayLike<number>>>,
      scalars: Scalars = {},
      ended?: StepEnded,
    ) => {
      // What was prepared lies before the work memory, where other programs have theirs.
      const isPrepared = this.current === identity && preparedFor === this.version;
      if (this.current !== identity) {
        new Int32Array(this.memory.buffer, map.tablesAddress, rendered.tables.length).set(rendered.tables);
        this.current = identity;
      }
      const numbers = new context.array(this.memory.buffer);
      feed(plan, inputs, (layout, values) =>
        numbers.set(values, map.bases[layout.buffer] / bytes + layout.offset),
      );
      const view = new DataView(this.memory.buffer, scalarsAddress);
      view.setInt32(scalarOffsets.seed, scalars.seed ?? 0, true);
      view.setInt32(scalarOffsets.step, scalars.step ?? 0, true);
      numbers[(scalarsAddress + scalarOffsets.learningRate) / bytes] = scalars.learningRate ?? 0;
      const began = performance.now();
      start(
        isPrepared ? afterConstants : 0,
        ended &&
          ((launch) => {
            const step = lastLaunches.get(launch);
            if (step !== undefined) ended(step, performance.now() - began);
          }),
      );
      if (plan.changesState) this.version++;
      preparedFor = this.version;
      return collect(plan, ({ buffer, offset }, elements) => {
        const from = map.bases[buffer] / bytes + offset;
        return numbers.subarray(from, from + elements) as Values;
      });
    };
    return {
      plan,
      run: (inputs, scalars, ended) => this.turns.take(() => run(inputs, scalars, ended)),
    };
  }

  read(name: string): Values {
    return this.view(name).slice() as Values;
  }

  write(name: string, values: ArrayLike<number>): void {
    const view = this.view(name);
    if (values.length !== view.length)
      throw new ShapeError(`${name} takes ${view.length} numbers, but ${values.length} came.`, { name });
    view.set(values);
    this.version++;
  }

  dispose(): void {
    this.disposed();
    void this.pool.stop();
  }

  private view(name: string): Values {
    const entry = this.state.entries.get(name);
    if (entry === undefined) throw new ShapeError(`the model's state has no ${name}.`, { name });
    const { array, numbers } = this.context;
    return new array(this.memory.buffer, stateAddress + numbers.bytes * entry.offset, size(entry.shape));
  }

  private mapFor(plan: Plan, tableBytes: number, keptBytes: number): MemoryMap {
    const { bytes } = this.context.numbers;
    const tablesAddress = stateAddress + bytes * this.state.elements;
    const preparedAddress = Math.ceil((tablesAddress + tableBytes) / 64) * 64;
    const keptAddress = Math.ceil((preparedAddress + bytes * plan.preparedElements) / 64) * 64;
    // Vectors may read a little beyond its end.
    const workAddress = Math.ceil((keptAddress + keptBytes + 64) / 64) * 64;
    const scratchAddress = Math.ceil((workAddress + bytes * plan.workElements) / 64) * 64;
    refuseBeyondLimit(scratchAddress, "this network at this batch size");
    const bases = [workAddress, stateAddress, preparedAddress];
    return { bases, scalarsAddress, scratchAddress, keptAddress, tablesAddress };
  }

  private grow(pages: number, bytes: number): void {
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new EngineError(
        `the system did not give WebAssembly ${formatBytes(bytes)} of memory. Use a smaller batch or input.`,
        { bytes },
        { cause },
      );
    }
  }
}

function refuseBeyondLimit(bytes: number, what: string): void {
  if (bytes <= limitBytes) return;
  throw new EngineError(
    `${what} needs ${formatBytes(bytes)}, but WebAssembly addresses ${formatBytes(limitBytes)} at most. ` +
      "Use a smaller batch or input, or an engine that runs natively.",
    { bytes, limitBytes },
  );
}
