/**
 * Published models that are quick to compute against their records, on the WASM engine: logits, and three training steps with the
 * gradient of every parameter. Weights are filled by the rule, images are of the smallest recorded size. Logits are those of
 * the engine as it is; steps are summed directly, as on the references, and for some networks by Winograd's algorithms too.
 * Most networks with batch norm learn in double precision alone (`test/full/zoo-double.test.ts`), which holds them more closely.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { heavyModels, needRecords, normalizes, quickModels, quickSize, withFilled } from "../zoo.ts";
import { expectLogits, expectTraining } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

/** Networks of many 3×3 convolutions, shallow and deep. */
const byWinograd = ["resnet18", "cifar-resnet-56", "cifar-preact-resnet-164"];

describe("the zoo", () => {
  let engine: Engine;
  let exact: Engine;
  beforeAll(async () => {
    engine = await wasmEngine();
    exact = await wasmEngine({ exact: true });
    console.log(`${quickModels().length} models here, ${heavyModels().length} heavy ones in test/full`);
  });
  afterAll(() => {
    engine.dispose();
    exact.dispose();
  });

  needRecords(quickModels());

  describe.each(quickModels())("$name", ({ name, model, record }) => {
    const size = quickSize(record);
    const { train } = size;
    const isByWinograd = byWinograd.includes(name);

    it("computes as recorded", async () => {
      await withFilled(engine, model, record, async (filled) => {
        expectLogits(name, await filled.logits(size.input_shape), size);
      });
    });

    if (isByWinograd || !normalizes(record))
      it("learns as recorded", async () => {
        await withFilled(exact, model, record, async (filled) => {
          expectTraining(name, await filled.train(train), train, record);
        });
      });

    if (isByWinograd)
      it("learns as recorded by Winograd's algorithms", async () => {
        await withFilled(engine, model, record, async (filled) => {
          expectTraining(`${name} by Winograd`, await filled.train(train), train, record, { winograd: true });
        });
      });
  });
});
