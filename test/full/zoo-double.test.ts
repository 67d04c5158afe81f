/**
 * Every network of the zoo in double precision: three training losses and the gradient of every parameter equal those that their
 * references give in float64, to the digits that are recorded. In float32 a unit that rounding tips changes gradients by up to some
 * hundredths, the references' own too: what `zoo-expectations.ts` allows there is rounding, and nothing else.
 *
 * `STRIATE_DOUBLE=native` takes native code in place of WebAssembly, and compiles each network first.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { nativeEngine } from "../../src/engines/native/index.ts";
import { allModels, inDouble, needRecords, quickSize, withFilled } from "../zoo.ts";
import { expectTrainingInDouble } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

describe("the zoo in double precision", () => {
  let engine: Engine<Float64Array>;
  beforeAll(async () => {
    const isNative = process.env.STRIATE_DOUBLE === "native";
    engine = await (isNative ? nativeEngine({ bits: 64 }) : wasmEngine({ bits: 64 }));
  });
  afterAll(() => engine.dispose());

  const all = allModels();
  needRecords(all);
  it.each(all)("$name learns as $recorded", async (each) => {
    const { name, model, record } = each;
    const precise = inDouble(each);
    const { train } = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      expectTrainingInDouble(name, await filled.train(train), train, record, precise);
    });
  });
});
