import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { engines } from "./engines.ts";
import { cases } from "./index.ts";
import { computed, expectClose, expected } from "./run.ts";

it("names each case once", () => {
  const names = cases.map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
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
        expectClose(built, await computed(engine, built), expected(built));
      });
  });
