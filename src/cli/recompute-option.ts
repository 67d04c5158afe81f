/** The flag `--recompute`, which several commands have. */

import { Option } from "commander";
import { recomputations } from "../graph/recompute.ts";
import { oneOf } from "./flags.ts";

export function recomputeOption(): Option {
  const choices = recomputations.join(", ");
  return new Option(
    "--recompute [what]",
    `what to compute again rather than keep in memory: ${choices} (default: none; without a word: blocks)`,
  )
    .preset("blocks")
    .argParser(oneOf(...recomputations));
}
