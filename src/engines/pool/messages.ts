/** What the pool says to its workers, and they to it. */

export type PoolRequest =
  | {
      readonly type: "open";
      readonly memory: WebAssembly.Memory;
      readonly controlOffset: number;
      readonly thread: number;
      readonly threads: number;
    }
  | {
      readonly type: "load";
      readonly program: number;
      readonly module: WebAssembly.Module;
      readonly launches: readonly { readonly name: string; readonly tasks: number }[];
    }
  | { readonly type: "unload"; readonly program: number };

export type PoolReply = { readonly type: "ready" } | { readonly type: "failed"; readonly message: string };
