/** A program made callable on the thread that will run it. */

import { type PreparedLaunch, type PreparedProgram, runLaunches } from "./control.ts";
import type { PoolMemory, ProgramCode } from "./messages.ts";

/** Prepares a program on thread number `self`. */
export async function prepare(code: ProgramCode, memory: PoolMemory, self: number): Promise<PreparedProgram> {
  if (code.kind === "native") {
    // Named in a variable: bundlers for browsers must not look for it.
    const specifier = new URL(
      import.meta.url.endsWith(".ts") ? "../native/program.ts" : "../native/program.js",
      import.meta.url,
    ).href;
    const { prepareNative }: typeof import("../native/program.ts") = await import(
      /* @vite-ignore */ specifier
    );
    return prepareNative(code, self);
  }
  const { exports } = await WebAssembly.instantiate(code.module, {
    // The module imports memory only where there is a WebAssembly.Memory.
    env: { memory: memory as WebAssembly.Memory },
  });
  const launches = code.launches.map(
    ({ name, tasks }): PreparedLaunch => ({ kernel: exports[name] as PreparedLaunch["kernel"], tasks }),
  );
  return (control, thread, threads, ended) => runLaunches(control, launches, thread, threads, ended);
}
