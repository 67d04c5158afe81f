/** An engine by its name, and the fastest that a machine has. */

import { EngineError, OptionError } from "../../tensor/errors.ts";
import type { Engine } from "../engine.ts";
import { jsEngine } from "../js/engine.ts";
import { wasmEngine } from "../wasm/engine.ts";
import { wasmFeatures } from "../wasm/features.ts";
import { type NativeEngineOptions, nativeEngine } from "./engine.ts";
import { withFallback } from "./fallback.ts";

/**
 * "wasm-256": WebAssembly with vectors of 256 bits, where the runtime has them. With "-exact" behind it, convolutions are summed directly
 * alone, which costs time and saves the rounding of Winograd's algorithms.
 */
export const engineNames = ["native", "wasm", "wasm-256", "js"] as const;
export type EngineName = (typeof engineNames)[number];

export interface OpenEngineOptions {
  /** Default: the cores of the machine. */
  readonly threads?: number;
  /** Whether convolutions are summed directly alone. Default false. */
  readonly exact?: boolean;
  /** Hears, in one line, why "auto" did not take the native engine. */
  readonly tell?: (line: string) => void;
  /** Of the native engine: see there. */
  readonly progress?: NativeEngineOptions["progress"];
  readonly environment?: NativeEngineOptions["environment"];
}

/**
 * Opens an engine: "native", "wasm", "wasm-256" or "js", with "-exact" behind it or not, as engines call themselves; "auto" is the
 * first of them that this machine has. Throws an EngineError for one that it has not. Double precision, "native-double", is opened by
 * `nativeEngine` alone.
 */
export async function openEngine(name: string, options: OpenEngineOptions = {}): Promise<Engine> {
  const { threads, tell, progress, environment } = options;
  const exact = options.exact === true || name.endsWith("-exact");
  const shared = { exact, ...(threads === undefined ? {} : { threads }) };
  switch (name.replace(/-exact$/, "")) {
    case "auto": {
      const instead = async (why: EngineError) => {
        const other = (await wasmFeatures()).simd ? "wasm" : "js";
        // A compiler may have much to say; --engine native shows all of it.
        tell?.(`Computing with the ${other} engine: ${why.message.split("\n")[0]}`);
        return openEngine(other, { exact, ...(other === "js" || threads === undefined ? {} : { threads }) });
      };
      try {
        return withFallback(await openEngine("native", options), instead);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        return instead(error);
      }
    }
    case "native":
      return nativeEngine({
        ...shared,
        ...(progress === undefined ? {} : { progress }),
        ...(environment === undefined ? {} : { environment }),
      });
    case "wasm":
      return wasmEngine(shared);
    case "wasm-256":
      return wasmEngine({ ...shared, vectors: 256 });
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
