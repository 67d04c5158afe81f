/** What this machine has for engines, and what is missing: for people who wonder what computes, and why. */

import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { StriateError } from "../../tensor/errors.ts";
import { type WasmFeatures, wasmFeatures, withoutJoinedVectors } from "../wasm/features.ts";
import { type Compiler, findCompiler } from "./compiler.ts";
import { nativeEngine } from "./engine.ts";
import { cacheFolder, type Environment, ObjectCache } from "./object-cache.ts";
import type { EngineName } from "./open.ts";
import { loadKoffi } from "./runtime.ts";

/** A thing that is there, or why it is not and what to do. */
export type Found<T> = (T & { readonly problem?: undefined }) | { readonly problem: string };

export interface Examination {
  readonly node: string;
  /** "linux 6.1.0, x64". */
  readonly platform: string;
  readonly cpu: string;
  /** Threads that engines use. */
  readonly threads: number;
  readonly compiler: Found<{
    readonly command: string;
    readonly version: string;
    /** Numbers in a vector, its bits, and how many registers hold one. */
    readonly lanes: number;
    readonly bits: number;
    readonly registers: number;
  }>;
  readonly koffi: Found<{ readonly version: string }>;
  readonly cache: { readonly folder: string } & Found<{ readonly objects: number; readonly bytes: number }>;
  readonly wasm: WasmFeatures;
  /** Those that can be opened; native was, to see. */
  readonly engines: Readonly<Record<EngineName, Found<object>>>;
  /** The engine that "auto" takes. */
  readonly auto: "native" | "wasm" | "js";
}

/** Looks at all of it. Throws nothing: what is missing is told. */
export async function examine(environment: Environment = process.env): Promise<Examination> {
  const folder = cacheFolder(environment);
  const [compiler, koffi, cache, wasm, native] = await Promise.all([
    found(async () => described(await findCompiler(environment))),
    found(async () => ({ version: (await loadKoffi()).version })),
    found(async () => (await ObjectCache.open(folder)).size()),
    wasmFeatures(),
    found(async () => {
      (await nativeEngine({ threads: 1, environment })).dispose();
      return {};
    }),
  ]);
  const engines = {
    native,
    wasm: wasm.simd ? {} : { problem: "this runtime has no WebAssembly SIMD. Use Node 20 or later." },
    "wasm-256": wasm.joinedVectors ? {} : { problem: withoutJoinedVectors },
    js: {},
  };
  return {
    node: process.version,
    platform: `${platform()} ${release()}, ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    compiler,
    koffi,
    cache: { folder, ...cache },
    wasm,
    engines,
    auto: native.problem === undefined ? "native" : wasm.simd ? "wasm" : "js",
  };
}

function described({ command, version, vectors: { lanes, registers } }: Compiler) {
  return { command, version, lanes, bits: 32 * lanes, registers };
}

async function found<T extends object>(look: () => Promise<T>): Promise<Found<T>> {
  try {
    return { problem: undefined, ...(await look()) };
  } catch (error) {
    if (!(error instanceof StriateError)) throw error;
    return { problem: error.message };
  }
}
