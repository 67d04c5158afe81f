/**
 * A network of each paper against its record on native code: logits, and three training steps with the gradient of every parameter.
 * Compiling takes longer than computing, so it is one network a paper, at the smallest recorded size, and of heavy ones the
 * logits alone. Convolutions are summed directly, as on the references; `zoo.test.ts` of the long tests holds Winograd's algorithms to records.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { Engine } from "../../src/engines/index.ts";
import { nativeEngine } from "../../src/engines/native/index.ts";
import { isHeavy, needRecords, onePerPaper, quickSize, type RecordedModel, withFilled } from "../zoo.ts";
import { expectLogits, expectTraining } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

/** Networks, by their records, in which nearly every layer has a shape, and so a kernel, of its own. */
const slowToCompile: ReadonlySet<string> = new Set(["pyramidnet110_a48_cifar10"]);

describe("the zoo on native code", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await nativeEngine({ exact: true });
  });
  afterAll(() => engine.dispose());

  const all = onePerPaper();
  needRecords(all);
  const onlyComputes = ({ record, recorded }: RecordedModel) =>
    isHeavy(record) || slowToCompile.has(recorded);

  it.each(all.filter(onlyComputes))("$name computes as $recorded", async (each) => {
    const { name, model, record } = each;
    const size = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      expectLogits(name, await filled.logits(size.input_shape), size);
    });
  });

  it.each(all.filter((each) => !onlyComputes(each)))("$name learns as $recorded", async (each) => {
    const { name, model, record } = each;
    const size = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      expectLogits(name, await filled.logits(size.input_shape), size);
      expectTraining(name, await filled.train(size.train), size.train, record);
    });
  });
});
