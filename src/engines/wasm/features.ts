/** What this runtime's WebAssembly can do. */

import { isNode } from "../pool/thread.ts";

/** A function with one fused multiply-add: valid only where relaxed SIMD is known. */
const relaxedModule = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x01, 0x60, 0x03, 0x7b, 0x7b, 0x7b, 0x01, 0x7b,
  0x03, 0x02, 0x01, 0x00, 0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfd, 0x85, 0x02,
  0x0b,
]);
/** The same with a plain product: valid where fixed-width SIMD is known. */
const simdModule = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7b, 0x7b, 0x01, 0x7b, 0x03,
  0x02, 0x01, 0x00, 0x0a, 0x0b, 0x01, 0x09, 0x00, 0x20, 0x00, 0x20, 0x01, 0xfd, 0xe6, 0x01, 0x0b,
]);

export interface WasmFeatures {
  readonly simd: boolean;
  /** Multiply-adds with one rounding. */
  readonly relaxedSimd: boolean;
  /** Memory that threads can share: in browsers only on pages that are cross-origin isolated. */
  readonly sharedMemory: boolean;
  /** Whether its compiler leaves loads where they stand, as that of V8 13.6 does (Node 24, Chrome 136): tiles may then fill all registers. */
  readonly loadsInOrder: boolean;
  /** Whether it can be had that two neighbouring vectors are computed with as one of 256 bits: see `joinVectors`. */
  readonly joinedVectors: boolean;
}

/** The first V8 that is known to leave loads in order and to join vectors. */
const laterV8 = [13, 6] as const;

function isLaterV8(): boolean {
  // Chrome's version is ten times that of its V8: Chrome 136 has 13.6.
  const found = isNode()
    ? /^(\d+)\.(\d+)/.exec(process.versions.v8 ?? "")
    : /Chrom(?:e|ium)\/(\d+)(\d)\b/.exec(globalThis.navigator?.userAgent ?? "");
  if (found === null) return false;
  const [major, minor] = found.slice(1).map(Number);
  const [first, firstMinor] = laterV8;
  return major > first || (major === first && minor >= firstMinor);
}

/** Node 20 knows relaxed SIMD behind a flag of V8, which takes effect on modules compiled after it is set. */
export async function wasmFeatures(): Promise<WasmFeatures> {
  if (isNode() && !WebAssembly.validate(relaxedModule)) {
    const specifier = "node:v8";
    const v8: typeof import("node:v8") = await import(/* @vite-ignore */ specifier);
    v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
  }
  const isolated = isNode() || globalThis.crossOriginIsolated === true;
  return {
    simd: WebAssembly.validate(simdModule),
    relaxedSimd: WebAssembly.validate(relaxedModule),
    sharedMemory: isolated && typeof SharedArrayBuffer !== "undefined",
    loadsInOrder: isLaterV8(),
    joinedVectors: isNode() && isLaterV8() && (await hasAvx2()),
  };
}

/** Node does not tell. On macOS and Windows, what this Node still runs on has it. */
async function hasAvx2(): Promise<boolean> {
  if (process.arch !== "x64") return false;
  if (process.platform !== "linux") return true;
  const specifier = "node:fs/promises";
  const fs: typeof import("node:fs/promises") = await import(/* @vite-ignore */ specifier);
  return /\bavx2\b/.test(await fs.readFile("/proc/cpuinfo", "utf8").catch(() => ""));
}

/** What to say where they are not to be had. */
export const withoutJoinedVectors =
  "this runtime has no vectors of 256 bits for WebAssembly: Node 24 and later have them, on x86-64 with AVX2. " +
  "Use one of these, the native engine, or vectors of 128 bits.";

/**
 * Has V8 compute with two neighbouring vectors as one, by an experimental flag that takes effect on all modules that the process compiles
 * after it is set.
 */
export async function joinVectors(): Promise<void> {
  const specifier = "node:v8";
  const v8: typeof import("node:v8") = await import(/* @vite-ignore */ specifier);
  v8.setFlagsFromString("--experimental-wasm-revectorize");
}
