/** What can be asked of `--engine`, and the engine that it gives. */

import type { Engine } from "../engines/engine.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { EngineError } from "../tensor/index.ts";

export const engineChoices = ["auto", "wasm", "js"] as const;
export type EngineChoice = (typeof engineChoices)[number];

/** Opens an engine: "auto" is the fastest that this platform has. Throws an EngineError for one that is not there. */
export async function openEngine(choice: string, _threads: number | undefined): Promise<Engine> {
  if (choice === "auto" || choice === "js") return jsEngine();
  throw new EngineError(`There is no engine "${choice}" here; there are ${engineChoices.join(", ")}.`, {
    choice,
  });
}
