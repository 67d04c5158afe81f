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
  };
}
