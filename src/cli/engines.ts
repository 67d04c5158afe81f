/** What can be asked of `--engine`, and the engine that it gives. */

import type { Command } from "commander";
import type { Engine } from "../engines/engine.ts";
import { engineNames, openEngine as openByName } from "../engines/native/open.ts";
import { EngineError } from "../tensor/index.ts";
import { count, oneOf } from "./flags.ts";
import type { Host } from "./host.ts";
import { bar, ProgressLine } from "./progress-line.ts";

export const engineChoices = ["auto", ...engineNames] as const;
export type EngineChoice = (typeof engineChoices)[number];

export interface EngineFlags {
  readonly engine?: EngineChoice;
  readonly exact?: boolean;
  readonly threads?: number;
}

/** Adds the options that say what computes. */
export function addEngineOptions(command: Command): Command {
  return command
    .option(
      "--engine <name>",
      `what computes: ${engineChoices.join(", ")} (default: auto)`,
      oneOf(...engineChoices),
    )
    .option("--exact", "sum convolutions directly, without Winograd's algorithms: slower, rounds less")
    .option("--threads <n>", "threads to compute with; the result does not depend on it", count);
}

/** Opens the engine of these flags, or the one of the name that an earlier run computed with. */
export async function openEngine(
  { engine, exact = false, threads }: EngineFlags,
  host: Host,
  before?: string,
): Promise<Engine> {
  const line = new ProgressLine(host);
  try {
    return await openByName(engine ?? before ?? "auto", {
      exact,
      ...(threads === undefined ? {} : { threads }),
      tell: (text) => line.print(text),
      progress: (compiled, all) => {
        line.draw(() => `${bar(compiled / all, 20)} compiling kernels, ${compiled} of ${all} parts`);
        if (compiled === all) line.clear();
      },
    });
  } catch (error) {
    if (!(error instanceof EngineError) || engine !== undefined || before === undefined) throw error;
    const way = `The run so far was computed by the ${before} engine; --engine auto goes on with what is here, and other rounding.`;
    throw new EngineError(`${error.message} ${way}`, error.facts, { cause: error });
  }
}
