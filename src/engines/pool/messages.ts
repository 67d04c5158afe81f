/** What the pool says to its workers, and they to it. */

/** Memory that all threads see: a `WebAssembly.Memory`, or what else has a buffer. */
export interface PoolMemory {
  readonly buffer: ArrayBufferLike;
}

/** A program as it is sent to a thread, which makes it callable there. */
export type ProgramCode = WasmCode | NativeCode;

export interface WasmCode {
  readonly kind: "wasm";
  readonly module: WebAssembly.Module;
  readonly launches: readonly { readonly name: string; readonly tasks: number }[];
}

/** Machine code that is loaded into the process already; addresses are the same in all its threads. */
export interface NativeCode {
  readonly kind: "native";
  /** File of the C side that goes through a program. */
  readonly runtime: string;
  readonly control: number;
  readonly table: number;
  readonly bases: number;
  /** First thread's own memory, and bytes from one thread's to the next. */
  readonly own: number;
  readonly ownBytes: number;
  readonly ends: number;
  readonly launches: number;
}

export type PoolRequest =
  | {
      readonly type: "open";
      readonly memory: PoolMemory;
      readonly controlOffset: number;
      readonly thread: number;
      readonly threads: number;
    }
  | { readonly type: "load"; readonly program: number; readonly code: ProgramCode }
  | { readonly type: "unload"; readonly program: number };

export type PoolReply = { readonly type: "ready" } | { readonly type: "failed"; readonly message: string };
