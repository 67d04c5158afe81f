import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { orderOf } from "../../src/graph/order.ts";
import * as ops from "../../src/ops/index.ts";
import type { Built } from "./case.ts";
import { engines } from "./engines.ts";
import { cases } from "./index.ts";
import { computed, expectClose, expected } from "./run.ts";

it("names each case once", () => {
  const names = cases.map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

/** What the reference gives for each case: the same numbers for all engines, and slow to come by. */
const truths = new Map<string, Float64Array[]>();

function truthOf(name: string, built: Built): Float64Array[] {
  const truth = truths.get(name) ?? expected(built);
  truths.set(name, truth);
  return truth;
}

it("has a case for each operation", () => {
  const inCases = new Set(
    cases.flatMap((each) => orderOf(each.build().outputs).map(({ node }) => node?.operation.name)),
  );
  const all = Object.values(ops).flatMap((each) =>
    typeof each === "function" && "operation" in each ? [each.operation.name] : [],
  );
  expect(all).toContain("conv2d");
  expect(all.filter((name) => !inCases.has(name))).toEqual([]);
});

for (const { name, start } of engines)
  describe(`engine ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start();
    });
    afterAll(() => engine.dispose());

    for (const each of cases)
      it(each.name, async () => {
        const built = each.build();
        expectClose(built, await computed(engine, built), truthOf(each.name, built));
      });
  });
