/**
 * Engines in double precision against the reference: what is left is the rounding of 53 bits. Kernels of native code are those in single
 * precision but for the type of a number, so not every case is compiled: the first of each operation, and each sixth.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { nativeEngine } from "../../src/engines/native/engine.ts";
import { wasmEngine } from "../../src/engines/wasm/engine.ts";
import { orderOf } from "../../src/graph/order.ts";
import type { Built, Case } from "./case.ts";
import { cases } from "./index.ts";
import { computed, expectClose, expected } from "./run.ts";

const seen = new Set<string | undefined>();
const chosen = cases.filter(({ build }, i) => {
  const names = orderOf(build().outputs).map(({ node }) => node?.operation.name);
  const isNew = names.some((name) => !seen.has(name));
  for (const name of names) seen.add(name);
  return isNew || i % 6 === 0;
});

/** What a case computes and should give: to find that out takes longer than to compute it on an engine, so that they share it. */
const known = new Map<Case, { readonly built: Built; readonly truth: readonly Float64Array[] }>();

function knownOf(each: Case) {
  let found = known.get(each);
  if (found === undefined) {
    const built = each.build();
    found = { built, truth: expected(built) };
    known.set(each, found);
  }
  return found;
}

describe.each([
  {
    name: "native, 2 threads",
    start: () => nativeEngine({ threads: 2, leastSharedWork: 0, bits: 64 }),
    some: chosen,
  },
  { name: "wasm, 1 thread", start: () => wasmEngine({ threads: 1, bits: 64 }), some: chosen },
  {
    name: "wasm, 2 threads",
    start: () => wasmEngine({ threads: 2, leastSharedWork: 0, bits: 64 }),
    some: cases,
  },
  {
    name: "wasm, memory of one thread, multiply and add rounded apart",
    start: () => wasmEngine({ sharedMemory: false, relaxed: false, bits: 64 }),
    some: chosen,
  },
])("engine $name, double precision", ({ start, some }) => {
  let engine: Engine<Float64Array>;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(() => engine.dispose());

  it.each(some)("$name", async (each) => {
    const { built, truth } = knownOf(each);
    const found = await computed(engine, built);
    for (const values of found) expect(values).toBeInstanceOf(Float64Array);
    expectClose(built, found, truth, 64);
  });
});
