/** `striate doctor`: what computes on this machine, what is missing, and what to do about it. */

import type { Command } from "commander";
import { type Examination, examine } from "../engines/native/examine.ts";
import { cacheFolder, ObjectCache } from "../engines/native/object-cache.ts";
import { formatBytes } from "../graph/describe.ts";
import { version } from "../train/version.ts";
import type { Host } from "./host.ts";

interface DoctorFlags {
  readonly clearCache?: boolean;
  readonly json?: boolean;
}

export function addDoctor(program: Command, host: Host): void {
  program
    .command("doctor")
    .description("Tell which engines this machine has, why others are not there, and what to install.")
    .option("--clear-cache", "first remove the compiled kernels; they are made again as they are needed")
    .option("--json", "write one JSON object")
    .action(async ({ clearCache = false, json = false }: DoctorFlags) => {
      if (clearCache) await (await ObjectCache.open(cacheFolder())).clear();
      const examination = await examine();
      host.out(json ? `${JSON.stringify({ striate: version, ...examination })}\n` : report(examination));
    });
}

function report(found: Examination): string {
  const { compiler, koffi, cache, wasm, engines, auto, threads } = found;
  const yes = (is: boolean) => (is ? "yes" : "no");
  const state = (name: keyof typeof engines) => engines[name].problem ?? "ready";
  const rows: readonly (readonly [name: string, value: string])[] = [
    ["striate", `${version}, node ${found.node}, ${found.platform}`],
    ["processor", `${found.cpu}, ${threads} thread${threads === 1 ? "" : "s"}`],
    ["", ""],
    ["native", state("native")],
    ["wasm", state("wasm")],
    ["wasm-256", state("wasm-256")],
    ["js", state("js")],
    ["auto takes", auto],
    ["", ""],
    ["compiler", compiler.problem ?? `${compiler.command}, ${compiler.version}`],
    [
      "vectors",
      compiler.problem === undefined
        ? `${compiler.lanes} numbers, ${compiler.bits} bits; ${compiler.registers} registers`
        : "unknown without a compiler",
    ],
    ["koffi", koffi.problem ?? koffi.version],
    ["cache", cache.folder],
    [
      "",
      cache.problem ??
        `${cache.objects} compiled object${cache.objects === 1 ? "" : "s"}, ${formatBytes(cache.bytes)}`,
    ],
    [
      "WebAssembly",
      `SIMD ${yes(wasm.simd)}, relaxed SIMD ${yes(wasm.relaxedSimd)}, shared memory ${yes(wasm.sharedMemory)}`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${`${name.padEnd(width)}  ${value}`.trimEnd()}\n`).join("");
}
