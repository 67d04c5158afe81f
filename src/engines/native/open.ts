/** An engine by its name, and the fastest that a machine has. */

import { EngineError, OptionError } from "../../tensor/errors.ts";
import type { Engine } from "../engine.ts";
import { jsEngine } from "../js/engine.ts";
import { wasmEngine } from "../wasm/engine.ts";
import { wasmFeatures } from "../wasm/features.ts";
import { type NativeEngineOptions, nativeEngine } from "./engine.ts";

/** "-exact": convolutions are summed directly alone, which costs time and saves the rounding of Winograd's algorithms. */
export const engineNames = ["native", "wasm", "js"] as const;
export type EngineName = (typeof engineNames)[number];

export interface OpenEngineOptions {
  /** Default: the cores of the machine. */
  readonly threads?: number;
  /** Whether convolutions are summed directly alone. Default false. */
  readonly exact?: boolean;
  /** Hears, in one line, why "auto" did not take the native engine. */
  readonly tell?: (line: string) => void;
  /** Hears how far the native engine's compiler is. */
  readonly progress?: NativeEngineOptions["progress"];
}

/**
 * Opens an engine: "native", "wasm" or "js", with "-exact" behind it or not, as engines call themselves; "auto" is the
 * first of them that this machine has. Throws an EngineError for one that it has not.
 */
export async function openEngine(name: string, options: OpenEngineOptions = {}): Promise<Engine> {
  const { threads, tell, progress } = options;
  const exact = options.exact === true || name.endsWith("-exact");
  const shared = { exact, ...(threads === undefined ? {} : { threads }) };
  switch (name.replace(/-exact$/, "")) {
    case "auto":
      try {
        return await openEngine("native", options);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        const instead = (await wasmFeatures()).simd ? "wasm" : "js";
        tell?.(`Computing with the ${instead} engine: ${error.message}`);
        return openEngine(instead, options);
      }
    case "native":
      return nativeEngine({ ...shared, ...(progress === undefined ? {} : { progress }) });
    case "wasm":
      return wasmEngine(shared);
    case "js":
      if (threads === undefined || threads === 1) return jsEngine();
      throw new OptionError(
        `The js engine has one thread, not ${threads}. Leave the number of threads out.`,
        {
          threads,
        },
      );
    default:
      throw new OptionError(`There is no engine "${name}"; there are auto, ${engineNames.join(", ")}.`, {
        name,
      });
  }
}
