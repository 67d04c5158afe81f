/** A native program on one thread. */

import { type PreparedProgram, reasonOf, StoppedError } from "../pool/control.ts";
import type { NativeCode } from "../pool/messages.ts";
import { loadRuntime } from "./runtime.ts";

export async function prepareNative(code: NativeCode, self: number): Promise<PreparedProgram> {
  const runtime = await loadRuntime(code.runtime);
  // The thread that owns the pool tells in other ways.
  if (self > 0) runtime.watch(code.control);
  const { control, table, bases, own, ownBytes, ends, launches } = code;
  return (words, thread, threads) => {
    const mine = own + thread * ownBytes;
    if (runtime.run(control, table, bases, mine, ends, launches, thread, threads) === 0)
      throw new StoppedError(reasonOf(words));
  };
}
