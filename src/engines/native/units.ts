/** From texts of kernels to functions in this process: compiled in units, several at a time. */

import { availableParallelism } from "node:os";
import { library, type NumberBytes } from "../../kernels/c/library.ts";
import type { KernelText } from "../../kernels/c/target.ts";
import type { Compiler } from "./compiler.ts";
import type { ObjectCache } from "./object-cache.ts";
import { loadUnit } from "./runtime.ts";

/** Kernels are compiled in parts of about this much text. */
const unitLength = 60_000;

export interface UnitsOptions {
  readonly compiler: Compiler;
  readonly cache: ObjectCache;
  /** Bytes of the numbers that kernels compute with. */
  readonly numberBytes: NumberBytes;
  /** Hears how many parts are compiled. */
  readonly progress: ((compiled: number, all: number) => void) | undefined;
}

export interface LoadedKernels {
  /** By name. */
  readonly addresses: ReadonlyMap<string, number>;
  /** What must stay alive as long as addresses are used. */
  readonly libraries: readonly unknown[];
}

/** Kernels' addresses by name, compiled in units of some length, as many at once as there are cores. */
export async function loadKernels(
  kernels: readonly KernelText[],
  { compiler, cache, numberBytes, progress }: UnitsOptions,
): Promise<LoadedKernels> {
  const units: KernelText[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const each of kernels) {
    if (length + each.text.length > unitLength) {
      units.push([]);
      length = 0;
    }
    units[units.length - 1].push(each);
    length += each.text.length;
  }
  const addresses = new Map<string, number>();
  const libraries: unknown[] = [];
  let [next, done] = [0, 0];
  const bring = async (unit: readonly KernelText[]) => {
    const file = await compiler.compile(sourceOf(unit, numberBytes), cache);
    const loaded = await loadUnit(file, unit.length);
    libraries.push(loaded.library);
    for (const [i, { name }] of unit.entries()) addresses.set(name, loaded.addresses[i]);
    progress?.(++done, units.length);
  };
  const work = async () => {
    try {
      while (next < units.length) await bring(units[next++]);
    } finally {
      // After a failure nobody begins another.
      next = units.length;
    }
  };
  const workers = Array.from({ length: Math.min(availableParallelism(), units.length) }, work);
  // Whoever hears of a failure may end the process: what others are writing is finished before.
  const ends = await Promise.allSettled(workers);
  const failed = ends.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return { addresses, libraries };
}

function sourceOf(unit: readonly KernelText[], numberBytes: NumberBytes): string {
  const table = unit.map(({ name }) => `(void *)${name}`).join(", ");
  const kernels = unit.map(({ text }) => text).join("\n");
  return `${library(kernels, numberBytes)}
${kernels}
double kernel_address(int i) {
  static void *const kernels[] = {${table}};
  return (double)(uintptr_t)kernels[i];
}
`;
}
