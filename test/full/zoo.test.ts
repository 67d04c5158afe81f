/**
 * Logits of published models against their records where that takes long: of the heavy ones, and of all at the published size of
 * image.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { heavyModels, largeModels, needRecords, quickSize, withFilled } from "../zoo.ts";
import { expectLogits } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

describe("the whole zoo", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await wasmEngine();
  });
  afterAll(() => {
    engine.dispose();
  });

  needRecords(heavyModels());

  describe.each(heavyModels())("$name", ({ name, model, record }) => {
    const size = quickSize(record);

    it("computes as recorded", async () => {
      await withFilled(engine, model, record, async (filled) => {
        if (record.small === size) expectLogits(name, await filled.logits(record.input_shape), record);
        expectLogits(name, await filled.logits(size.input_shape), size);
      });
    });
  });

  it.each(largeModels())("$name gives the logits of $recorded at its published size", async (each) => {
    const { name, model, record } = each;
    await withFilled(engine, model, record, async (filled) => {
      expectLogits(name, await filled.logits(record.input_shape), record);
    });
  });
});
