/** A native program on one thread. */

import { StoppedError } from "../pool/control.ts";
import type { NativeCode } from "../pool/messages.ts";
import type { PreparedProgram } from "../pool/prepare.ts";
import { loadRuntime } from "./runtime.ts";

export async function prepareNative(code: NativeCode): Promise<PreparedProgram> {
  const runtime = await loadRuntime(code.runtime);
  const { control, table, bases, own, ownBytes, ends, launches } = code;
  return (_, thread, threads) => {
    const mine = own + thread * ownBytes;
    if (runtime.run(control, table, bases, mine, ends, launches, thread, threads) === 0)
      throw new StoppedError(undefined);
  };
}
