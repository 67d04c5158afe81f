/**
 * A network of each paper against its record on native code: logits, and three training steps with the gradient of every parameter.
 * Compiling takes longer than computing, so it is one network a paper, at the smallest recorded size, and of heavy ones the
 * logits alone. Convolutions are summed directly, as on the references; `zoo.test.ts` of the long tests holds Winograd's algorithms to records.
 * Networks with batch norm learn in double precision: float32 does not determine all of their gradients to a thousandth.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { Engine } from "../../src/engines/index.ts";
import { nativeEngine } from "../../src/engines/native/index.ts";
import {
  inDouble,
  isHeavy,
  needRecords,
  normalizes,
  onePerPaper,
  quickSize,
  type RecordedModel,
  withFilled,
} from "../zoo.ts";
import { expectLogits, expectTraining, expectTrainingInDouble } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

/** Networks, by their records, in which nearly every layer has a shape, and so a kernel, of its own. */
const slowToCompile: ReadonlySet<string> = new Set(["pyramidnet110_a48_cifar10"]);

describe("the zoo on native code", () => {
  let engine: Engine;
  let double: Engine<Float64Array>;
  beforeAll(async () => {
    engine = await nativeEngine({ exact: true });
    double = await nativeEngine({ bits: 64 });
  });
  afterAll(() => {
    engine.dispose();
    double.dispose();
  });

  const all = onePerPaper();
  needRecords(all);
  const onlyComputes = ({ record, recorded }: RecordedModel) =>
    isHeavy(record) || slowToCompile.has(recorded);

  const learning = all.filter((each) => !onlyComputes(each));

  it.each(all)("$name computes as $recorded", async ({ name, model, record }) => {
    const size = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      expectLogits(name, await filled.logits(size.input_shape), size);
    });
  });

  it.each(learning.filter(({ record }) => !normalizes(record)))("$name learns as $recorded", async (each) => {
    const { name, model, record } = each;
    const { train } = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      expectTraining(name, await filled.train(train), train, record);
    });
  });

  it.each(learning.filter(({ record }) => normalizes(record)))(
    "$name learns as $recorded in double precision",
    async (each) => {
      const { name, model, record } = each;
      const { train } = quickSize(record);
      const precise = inDouble(each);
      await withFilled(double, model, record, async (filled) => {
        expectTrainingInDouble(name, await filled.train(train), train, record, precise);
      });
    },
  );
});
