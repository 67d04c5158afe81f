/** The compiled C side as JavaScript calls it, through koffi. Each thread has one of its own. */

import { EngineError } from "../../tensor/errors.ts";
import { CompileError } from "./compile-error.ts";

export interface Runtime {
  /** Where the memory of a typed array lies. */
  addressOf(array: ArrayBufferView): number;
  /** Address of so many zero bytes; 0 where there are not so many. */
  allocate(bytes: number): number;
  release(address: number, bytes: number): void;
  put(to: number, from: ArrayBufferView, bytes: number): void;
  get(to: ArrayBufferView, from: number, bytes: number): void;
  copy(to: number, from: number, bytes: number): void;
  /** From now on the end of this thread stops the others of the pool with this control block. */
  watch(control: number): void;
  /** Runs a program as one of its threads: see `runtime-source.ts`. 0 where another thread has failed. */
  run(
    control: number,
    table: number,
    bases: number,
    own: number,
    ends: number,
    launches: number,
    thread: number,
    threads: number,
  ): number;
}

type Koffi = typeof import("koffi");

/** koffi, an optional dependency. */
export async function loadKoffi(): Promise<Koffi> {
  // Named in a variable: bundlers and type checkers of users who do not have it need not look for it.
  const specifier = "koffi";
  try {
    const loaded = await import(/* @vite-ignore */ specifier);
    return loaded.default ?? loaded;
  } catch (cause) {
    throw new EngineError(
      `the native engine calls C through koffi, which could not be loaded: ${(cause as Error).message.split("\n")[0]}. Install it: npm install koffi`,
      {},
      { cause },
    );
  }
}

/** Brings an object into the process. */
async function load(file: string): Promise<ReturnType<Koffi["load"]>> {
  const koffi = await loadKoffi();
  try {
    return koffi.load(file);
  } catch (cause) {
    throw new CompileError(
      `a compiled kernel could not be loaded: ${(cause as Error).message}. ` +
        "If its disk is mounted with noexec, set STRIATE_CACHE to a folder on another.",
      { file },
      { cause },
    );
  }
}

export async function loadRuntime(file: string): Promise<Runtime> {
  const library = await load(file);
  return {
    addressOf: library.func("double address_of(const void *p)"),
    allocate: library.func("double allocate(double bytes)"),
    release: library.func("void release(double p, double bytes)"),
    put: library.func("void put(double to, const void *from, double bytes)"),
    get: library.func("void get(void *to, double from, double bytes)"),
    copy: library.func("void copy(double to, double from, double bytes)"),
    watch: library.func("void watch(double control)"),
    run: library.func(
      "int run(double control, double table, double bases, double own, double ends, int launches, int thread, int threads)",
    ),
  };
}

/** Kernels in the memory of the process: as long as `library` is referred to, and no longer. */
export interface LoadedUnit {
  readonly library: unknown;
  /** Addresses of its kernels in their order. */
  readonly addresses: readonly number[];
}

export async function loadUnit(file: string, count: number): Promise<LoadedUnit> {
  const library = await load(file);
  const address: (i: number) => number = library.func("double kernel_address(int i)");
  return { library, addresses: Array.from({ length: count }, (_, i) => address(i)) };
}
