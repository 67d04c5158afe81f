/**
 * The engine of native code: kernels as C with vectors as wide as the machine's, compiled by the system's compiler for this
 * very machine, and run by the worker pool. Needs a C compiler and koffi, an optional dependency.
 */

import { availableParallelism } from "node:os";
import type { Plan } from "../../graph/planned.ts";
import type { StateLayout } from "../../graph/state-layout.ts";
import type { Lanes, NumberBytes } from "../../kernels/c/library.ts";
import { type RenderOptions, render } from "../../kernels/c/render.ts";
import { buffers, type Vectors } from "../../kernels/c/target.ts";
import type { Numbers } from "../../kernels/javascript.ts";
import { EngineError, OptionError, ShapeError } from "../../tensor/errors.ts";
import { size } from "../../tensor/shape.ts";
import { constantsOf } from "../constants.ts";
import type { Engine, Program, Scalars, Session, StepEnded } from "../engine.ts";
import { collect, feed } from "../feed.ts";
import { type Bits, type NumbersConstructor, refuseOtherBits } from "../numbers.ts";
import { controlBytes } from "../pool/control.ts";
import { Pool } from "../pool/pool.ts";
import { Turns } from "../turns.ts";
import { leastSharedWork, workOf } from "../work.ts";
import { type Compiler, findCompiler } from "./compiler.ts";
import { MemoryBlock } from "./memory-block.ts";
import { cacheFolder, type Environment, ObjectCache } from "./object-cache.ts";
import { loadKoffi, loadRuntime, type Runtime } from "./runtime.ts";
import { launchWords, runtimeSource } from "./runtime-source.ts";
import { loadKernels } from "./units.ts";

/** `B` is which of both sizes numbers may have. */
export interface NativeEngineOptions<B extends Bits = 32> {
  /** Threads that work on a step. Default: the cores of the machine. */
  readonly threads?: number;
  /** Whether convolutions are summed directly alone, without Winograd's algorithms, whose rounding differs. Default false. */
  readonly exact?: boolean;
  /**
   * Bits of a number, in memory and in between: 32 (the default), or 64 for double precision, which tells rounding from mistakes. It goes
   * through the same schedules in half the speed and twice the memory, sums all convolutions directly (as `exact` does), and gives its
   * results in Float64Array; exponentials and their kin go number by number.
   */
  readonly bits?: B;
  /** Work (multiply-adds, and twice the bytes moved) from which on a program is shared among threads. Default 6e6. */
  readonly leastSharedWork?: number;
  /** Hears how many of a program's parts are compiled. */
  readonly progress?: (compiled: number, all: number) => void;
  /** Says which compiler (CC) and where objects are kept (STRIATE_CACHE, XDG_CACHE_HOME). Default: the environment of the process. */
  readonly environment?: Environment;
}

/** More than any machine has: a number beyond is a mistake that would take the machine down. */
const mostThreads = 1024;
const whatIsState = "its parameters and optimizer state";

/** Throws an OptionError for options out of their ranges, an EngineError where there is no compiler, no koffi or no such system. */
export function nativeEngine(
  options: NativeEngineOptions<64> & { readonly bits: 64 },
): Promise<Engine<Float64Array>>;
export function nativeEngine(options?: NativeEngineOptions): Promise<Engine>;
export async function nativeEngine(options: NativeEngineOptions<Bits> = {}): Promise<Engine<Numbers>> {
  const { threads = availableParallelism(), exact = false, progress, environment = process.env } = options;
  const { leastSharedWork: least = leastSharedWork, bits = 32 } = options;
  refuseOtherBits(bits);
  if (!Number.isInteger(threads) || threads < 1 || threads > mostThreads)
    throw new OptionError(`threads is ${threads}, but must be a whole number from 1 to ${mostThreads}.`, {
      threads,
    });
  if (process.platform === "win32")
    throw new EngineError("the native engine runs on Linux and macOS. Use the wasm engine.");
  await loadKoffi();
  const [compiler, cache] = await Promise.all([
    findCompiler(environment),
    ObjectCache.open(cacheFolder(environment)),
  ]);
  const runtimeFile = await compiler.compile(runtimeSource, cache);
  const runtime = await loadRuntime(runtimeFile);
  const shared = { threads, leastSharedWork: least, progress, compiler, cache, runtimeFile, runtime };
  if (bits === 64)
    return new NativeEngine({ ...shared, name: "native-double", exact: true, numbers: Float64Array });
  return new NativeEngine({
    ...{ ...shared, exact, numbers: Float32Array },
    name: exact ? "native-exact" : "native",
  });
}

interface Context<Values extends Numbers> {
  readonly name: string;
  readonly numbers: NumbersConstructor<Values>;
  readonly threads: number;
  readonly leastSharedWork: number;
  readonly exact: boolean;
  readonly progress: NativeEngineOptions["progress"];
  readonly compiler: Compiler;
  readonly cache: ObjectCache;
  readonly runtimeFile: string;
  readonly runtime: Runtime;
}

class NativeEngine<Values extends Numbers> implements Engine<Values> {
  readonly name: string;
  readonly threads: number;
  private readonly context: Context<Values>;
  private readonly sessions = new Set<NativeSession<Values>>();

  constructor(context: Context<Values>) {
    this.context = context;
    this.name = context.name;
    this.threads = context.threads;
  }

  async open(state: StateLayout): Promise<Session<Values>> {
    const memory = { buffer: new SharedArrayBuffer(controlBytes) };
    const pool = await Pool.start(memory, 0, this.threads);
    try {
      const session = new NativeSession(this.context, state, pool, memory, () =>
        this.sessions.delete(session),
      );
      this.sessions.add(session);
      return session;
    } catch (error) {
      await pool.stop();
      throw error;
    }
  }

  dispose(): void {
    for (const session of this.sessions) session.dispose();
    this.sessions.clear();
  }
}

class NativeSession<Values extends Numbers> implements Session<Values> {
  private readonly context: Context<Values>;
  /** Bytes of a number. */
  private readonly numberBytes: NumberBytes;
  private readonly state: StateLayout;
  private readonly pool: Pool;
  private readonly memory: { readonly buffer: SharedArrayBuffer };
  private readonly disposed: () => void;
  private stateBlock: MemoryBlock;
  /** Memory that all programs use, one at a time, by its number. */
  private readonly shared = new Map<number, MemoryBlock>();
  private readonly kept: MemoryBlock[] = [];
  private isDisposed = false;
  /** Counts changes of the state, after which programs compute anew what depends on weights alone. */
  private version = 1;
  private readonly turns = new Turns();

  constructor(
    context: Context<Values>,
    state: StateLayout,
    pool: Pool,
    memory: { readonly buffer: SharedArrayBuffer },
    disposed: () => void,
  ) {
    this.context = context;
    this.numberBytes = context.numbers.BYTES_PER_ELEMENT === 8 ? 8 : 4;
    this.state = state;
    this.pool = pool;
    this.memory = memory;
    this.disposed = disposed;
    // Addresses, not memory: the quarter that chunks may read beyond is touched by no one else.
    this.stateBlock = new MemoryBlock(
      context.runtime,
      this.numberBytes * state.elements,
      (this.numberBytes / 4) * state.elements + 65536,
      whatIsState,
    );
  }

  load(plan: Plan): Promise<Program<Values>> {
    return this.turns.take(() => this.loadNow(plan));
  }

  private async loadNow(plan: Plan): Promise<Program<Values>> {
    this.refuseDisposed();
    const { numberBytes } = this;
    const { runtime, runtimeFile, compiler, exact } = this.context;
    const alone = workOf(plan) < this.context.leastSharedWork;
    const threads = alone ? 1 : this.context.threads;
    const options: RenderOptions = {
      machine: { ...vectorsOf(compiler.vectors, numberBytes), numberBytes, threads },
      winograd: !exact,
      constants: constantsOf(plan),
      preparation: plan.preparation,
    };
    const rendered = render(plan.steps, plan.layouts, options);
    const { addresses, libraries } = await loadKernels(rendered.kernels, { ...this.context, numberBytes });
    this.refuseDisposed();

    const launches = rendered.steps.flat();
    const offsets = launches.flatMap(({ places }) =>
      places.map(({ offset }) => BigInt(numberBytes * offset)),
    );
    const offsetTable = sharedArray(BigInt64Array, offsets.length);
    offsetTable.set(offsets);
    const table = sharedArray(BigInt64Array, launchWords * launches.length);
    let at = runtime.addressOf(offsetTable);
    for (const [i, { name, places, tasks, constant }] of launches.entries()) {
      const address = addresses.get(name) ?? 0;
      table.set([BigInt(address), BigInt(at), BigInt(tasks), BigInt(constant)], launchWords * i);
      at += 8 * places.length;
    }
    const ends = sharedArray(Float64Array, launches.length);
    const scalars = sharedArray(Int32Array, 4);
    const bases = sharedArray(BigInt64Array, 8);
    const { bytes, slackBytes } = rendered;
    const ownBytes = Math.ceil((bytes.thread + slackBytes) / 4096) * 4096;
    this.wantState(slackBytes);
    this.want(
      buffers.work,
      numberBytes * plan.workElements,
      slackBytes,
      "the activations of this network at this batch size",
    );
    this.want(buffers.scratch, bytes.scratch, slackBytes, "the work of this network at this batch size");
    this.want(buffers.thread, threads * ownBytes, 0, "the threads' work");
    const kept = new MemoryBlock(runtime, bytes.kept, slackBytes, "prepared weights");
    const prepared = new MemoryBlock(
      runtime,
      numberBytes * plan.preparedElements,
      slackBytes,
      "prepared weights",
    );
    this.kept.push(kept, prepared);
    const own = this.shared.get(buffers.thread)?.address ?? 0;
    const start = await this.pool.load(
      {
        kind: "native",
        runtime: runtimeFile,
        control: runtime.addressOf(new Int32Array(this.memory.buffer)),
        table: runtime.addressOf(table),
        bases: runtime.addressOf(bases),
        own,
        ownBytes,
        ends: runtime.addressOf(ends),
        launches: launches.length,
      },
      this.memory,
      { alone },
    );
    // Addresses do not keep these arrays alive; the program does.
    const alive = { libraries, table, offsetTable, ends, scalars, bases };
    let preparedFor = 0;
    const run = (
      inputs: Readonly<Record<string, ArrayLike<number>>>,
      given: Scalars = {},
      ended?: StepEnded,
    ) => {
      this.refuseDisposed();
      const work = this.shared.get(buffers.work)?.address ?? 0;
      const addressOf = new Map<number, number>([
        [buffers.work, work],
        [buffers.state, this.stateBlock.address],
        [buffers.prepared, prepared.address],
        [buffers.scratch, this.shared.get(buffers.scratch)?.address ?? 0],
        [buffers.kept, kept.address],
        [buffers.scalars, runtime.addressOf(scalars)],
      ]);
      for (const [buffer, address] of addressOf) alive.bases[buffer] = BigInt(address);
      feed(plan, inputs, ({ buffer, offset }, values) => {
        this.put((addressOf.get(buffer) ?? 0) + numberBytes * offset, values);
      });
      alive.scalars[0] = given.seed ?? 0;
      alive.scalars[1] = given.step ?? 0;
      new this.context.numbers(alive.scalars.buffer, 8, 1)[0] = given.learningRate ?? 0;
      // What is constant is left out where the run does not begin with the first launch.
      const isPrepared = preparedFor === this.version;
      start(isPrepared ? 1 : 0);
      if (plan.changesState) this.version++;
      preparedFor = this.version;
      if (ended !== undefined) tell(rendered.steps, alive.ends, isPrepared ? plan.preparation : 0, ended);
      return collect(plan, ({ buffer, offset }, elements) =>
        this.get((addressOf.get(buffer) ?? 0) + numberBytes * offset, elements),
      );
    };
    return {
      plan,
      run: (inputs, scalars, ended) => this.turns.take(() => run(inputs, scalars, ended)),
    };
  }

  /** Makes sure of so many bytes of a memory that programs share. */
  private want(buffer: number, bytes: number, slack: number, what: string): void {
    const known = this.shared.get(buffer);
    if (known !== undefined && known.bytes >= bytes + slack) return;
    this.shared.delete(buffer);
    // Threads of programs that are loaded hold the address of theirs.
    if (buffer === buffers.thread && known !== undefined) this.kept.push(known);
    else known?.release();
    this.shared.set(buffer, new MemoryBlock(this.context.runtime, bytes, slack, what));
  }

  /** Makes sure that so many bytes beyond the end of the state may be read. */
  private wantState(slack: number): void {
    const { runtime } = this.context;
    const [before, bytes] = [this.stateBlock, this.numberBytes * this.state.elements];
    if (before.bytes >= bytes + slack) return;
    const after = new MemoryBlock(runtime, bytes, slack, whatIsState);
    runtime.copy(after.address, before.address, bytes);
    this.stateBlock = after;
    before.release();
  }

  /** Copies values to an address, as numbers of the engine's. */
  private put(address: number, values: ArrayLike<number>): void {
    const { runtime, numbers } = this.context;
    const copied = values instanceof numbers ? values : numbers.from(values);
    runtime.put(address, copied, this.numberBytes * copied.length);
  }

  /** A copy of the values at an address. */
  private get(address: number, elements: number): Values {
    const { runtime, numbers } = this.context;
    const values = new numbers(elements);
    runtime.get(values, address, this.numberBytes * elements);
    return values;
  }

  read(name: string): Values {
    const { address, elements } = this.entry(name);
    return this.get(address, elements);
  }

  write(name: string, values: ArrayLike<number>): void {
    const { address, elements } = this.entry(name);
    if (values.length !== elements)
      throw new ShapeError(`${name} takes ${elements} numbers, but ${values.length} came.`, { name });
    this.put(address, values);
    this.version++;
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.disposed();
    // Threads may still be looking at their memory: it goes when they have gone.
    void this.pool.stop().then(() => {
      for (const each of [this.stateBlock, ...this.shared.values(), ...this.kept]) each.release();
    });
  }

  private entry(name: string): { address: number; elements: number } {
    this.refuseDisposed();
    const entry = this.state.entries.get(name);
    if (entry === undefined) throw new ShapeError(`the model's state has no ${name}.`, { name });
    return {
      address: this.stateBlock.address + this.numberBytes * entry.offset,
      elements: size(entry.shape),
    };
  }

  private refuseDisposed(): void {
    if (this.isDisposed) throw new EngineError("this session was disposed of. Open another one.");
  }
}

/** Vectors as wide, of numbers of so many bytes. */
function vectorsOf({ lanes, registers }: Vectors, numberBytes: NumberBytes): Vectors {
  return { lanes: ((4 * lanes) / numberBytes) as Lanes, registers };
}

/** Tells when each step ended. */
function tell(
  steps: readonly (readonly unknown[])[],
  ends: Float64Array,
  first: number,
  ended: StepEnded,
): void {
  let launch = 0;
  for (const [step, launches] of steps.entries()) {
    launch += launches.length;
    if (step >= first) ended(step, launch === 0 ? 0 : ends[launch - 1]);
  }
}

function sharedArray<T>(
  type: { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
): T {
  return new type(new SharedArrayBuffer(type.BYTES_PER_ELEMENT * Math.max(1, length)));
}
