/**
 * Published models against their records where that takes long: training steps of the heavy ones, and all logits at the published
 * size of image. Logits are those of the engine as it is; steps are summed directly, as on the references.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { heavyModels, largeModels, needRecords, quickSize, withFilled } from "../zoo.ts";
import { expectLogits, expectTraining } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

/**
 * Networks without batch norm of whose five million units and maxima the direct sums, chains of 4,608 terms, tip one or two: gradients
 * behind those agree to 10⁻⁷, gradients before to 0.003. Winograd's algorithms, whose chains are a ninth as long, tip none
 * that shows.
 */
const tippedDirectly = ["vgg16", "vgg19"];

describe("the whole zoo", () => {
  let engine: Engine;
  let exact: Engine;
  beforeAll(async () => {
    engine = await wasmEngine();
    exact = await wasmEngine({ exact: true });
  });
  afterAll(() => {
    engine.dispose();
    exact.dispose();
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

    it("learns as recorded", async () => {
      const { train } = size;
      await withFilled(tippedDirectly.includes(name) ? engine : exact, model, record, async (filled) => {
        expectTraining(name, await filled.train(train), train, record);
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
