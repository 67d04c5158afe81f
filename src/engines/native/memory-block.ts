/** Memory from the system, beyond what JavaScript manages. */

import { formatBytes } from "../../graph/describe.ts";
import { EngineError } from "../../tensor/errors.ts";
import type { Runtime } from "./runtime.ts";

/** Memory that is given back by hand. */
export class MemoryBlock {
  readonly address: number;
  readonly bytes: number;
  private readonly runtime: Runtime;

  /** Bytes that may be used, and `slack` bytes beyond them that may be read. */
  constructor(runtime: Runtime, bytes: number, slack: number, what: string) {
    this.runtime = runtime;
    // A mapping cannot be empty.
    this.bytes = Math.max(1, bytes + slack);
    this.address = runtime.allocate(this.bytes);
    if (this.address === 0)
      throw new EngineError(
        `the system did not give ${formatBytes(bytes)} of memory for ${what}. Use a smaller batch or input.`,
        { bytes },
      );
  }

  release(): void {
    this.runtime.release(this.address, this.bytes);
  }
}
