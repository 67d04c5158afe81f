/** Nothing is held on to: a process that trains on and on, or opens one model after the other, stays as large as it is. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const child = fileURLToPath(new URL("./memory-child.js", import.meta.url));

/** Resident memory, in bytes, after each tenth of the work. */
async function residentBytes(what: string, times: number, engine: string): Promise<number[]> {
  // A small young generation: how full it is would hide what this is about.
  const flags = ["--expose-gc", "--max-semi-space-size=1"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, child, what, `${times}`, engine]);
  return JSON.parse(stdout);
}

function middle(three: readonly number[]): number {
  return three.toSorted((a, b) => a - b)[1];
}

it.each([
  ["steps", 10_000, "wasm"],
  ["loads", 500, "wasm"],
  ["steps", 10_000, "native"],
  ["loads", 500, "native"],
] as const)(
  "%s of LeNet-5, %i of them, on the %s engine, leave the memory as it was",
  async (what, times, engine) => {
    const resident = await residentBytes(what, times, engine);
    console.log(
      `${engine}, ${what}: ${resident.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`).join(", ")}`,
    );
    // Compilers and collectors take theirs during the first tenths.
    expect(middle(resident.slice(-3))).toBeLessThan(1.05 * middle(resident.slice(2, 5)));
  },
);
