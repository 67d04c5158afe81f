/**
 * Native code in double precision against the reference: what is left is the rounding of 53 bits. Its kernels are those in single
 * precision but for the type of a number, so not every case is compiled: the first of each operation, and each sixth.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { nativeEngine } from "../../src/engines/native/engine.ts";
import { orderOf } from "../../src/graph/order.ts";
import { cases } from "./index.ts";
import { computed, expectClose, expected } from "./run.ts";

const seen = new Set<string | undefined>();
const chosen = cases.filter(({ build }, i) => {
  const names = orderOf(build().outputs).map(({ node }) => node?.operation.name);
  const isNew = names.some((name) => !seen.has(name));
  for (const name of names) seen.add(name);
  return isNew || i % 6 === 0;
});

describe("engine native, 2 threads, double precision", () => {
  let engine: Engine<Float64Array>;
  beforeAll(async () => {
    engine = await nativeEngine({ threads: 2, leastSharedWork: 0, bits: 64 });
  });
  afterAll(() => engine.dispose());

  it.each(chosen)("$name", async ({ build }) => {
    const built = build();
    const found = await computed(engine, built);
    for (const each of found) expect(each).toBeInstanceOf(Float64Array);
    expectClose(built, found, expected(built), 64);
  });
});
