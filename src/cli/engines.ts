/** What can be asked of `--engine`, and the engine that it gives. */

import type { Engine } from "../engines/engine.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { wasmEngine } from "../engines/wasm/engine.ts";
import { wasmFeatures } from "../engines/wasm/features.ts";
import { OptionError } from "../tensor/index.ts";

export const engineChoices = ["auto", "wasm", "js"] as const;
export type EngineChoice = (typeof engineChoices)[number];

/** Opens an engine; "auto" is the fastest that this machine has. Throws an OptionError for one that is not there. */
export async function openEngine(choice: string, threads: number | undefined): Promise<Engine> {
  const name = choice === "auto" ? ((await wasmFeatures()).simd ? "wasm" : "js") : choice;
  switch (name) {
    case "wasm":
      return wasmEngine(threads === undefined ? {} : { threads });
    case "js":
      if (threads === undefined || threads === 1) return jsEngine();
      throw new OptionError(`The js engine has one thread, not ${threads}. Leave --threads out.`, {
        threads,
      });
    default:
      throw new OptionError(`There is no engine "${choice}"; there are ${engineChoices.join(", ")}.`, {
        choice,
      });
  }
}
