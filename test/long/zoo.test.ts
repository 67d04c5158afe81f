/**
 * Published models that are quick to compute against their records, on the WASM engine: logits, and three training steps with the
 * gradient of every parameter. Weights are filled by the rule, images are of the smallest recorded size.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { heavyModels, quickModels, quickSize, withFilled } from "../zoo.ts";
import { expectLogits, expectTraining } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

describe("the zoo", () => {
  let engine: Engine;
  beforeAll(async () => {
    // Direct sums: the records allow for no more rounding than the order of a sum brings. `conformance/` holds Winograd.
    engine = await wasmEngine({ exact: true });
    console.log(`${quickModels().length} models here, ${heavyModels().length} heavy ones in test/full`);
  });
  afterAll(() => engine.dispose());

  // Each absent record has said so.
  if (quickModels().length === 0) it("needs the records beside the repository", (context) => context.skip());

  it.each(quickModels())("$name computes and learns as $recorded", async ({ name, model, record }) => {
    const size = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      expectLogits(name, await filled.logits(size.input_shape), size);
      expectTraining(name, await filled.train(size.train), size.train, record);
    });
  });
});
