/** The engines that conformance cases run on. */

import type { Engine } from "../../src/engines/engine.ts";
import { jsEngine } from "../../src/engines/js/engine.ts";
import { nativeEngine } from "../../src/engines/native/engine.ts";
import { engineOn, wasmEngine } from "../../src/engines/wasm/engine.ts";
import { wasmFeatures } from "../../src/engines/wasm/features.ts";

export interface EngineUnderTest {
  /** "wasm, 2 threads": unique. */
  readonly name: string;
  start(): Engine | Promise<Engine>;
}

export const engines: readonly EngineUnderTest[] = [
  { name: "js", start: jsEngine },
  { name: "wasm, 1 thread", start: () => wasmEngine({ threads: 1 }) },
  {
    name: "wasm, 2 threads, multiply and add rounded apart",
    start: () => wasmEngine({ threads: 2, leastSharedWork: 0, relaxed: false }),
  },
  { name: "wasm, 2 threads, vectors joined", start: joinedEngine },
  { name: "wasm, memory of one thread", start: () => wasmEngine({ sharedMemory: false }) },
  { name: "native, 1 thread", start: () => nativeEngine({ threads: 1 }) },
  { name: "native, 2 threads", start: () => nativeEngine({ threads: 2, leastSharedWork: 0 }) },
];

/** With vectors of 256 bits, or where the runtime has none with the kernels that are made for them. */
async function joinedEngine(): Promise<Engine> {
  const options = { threads: 2, leastSharedWork: 0 };
  const features = await wasmFeatures();
  if (!features.joinedVectors) return (await engineOn(features, "joined", options)) as Engine;
  return wasmEngine({ ...options, vectors: 256 });
}
