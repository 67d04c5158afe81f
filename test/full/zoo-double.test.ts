/**
 * All networks that have a record in float64, in double precision on native code: losses and the gradient of every parameter equal it
 * to the digits that are recorded. Three steps of training part by hundredths in float32, the references' own too: what
 * `zoo-expectations.ts` allows there is rounding, and nothing else.
 */

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { Engine } from "../../src/engines/index.ts";
import { nativeEngine } from "../../src/engines/native/index.ts";
import float64 from "../golden/float64.json" with { type: "json" };
import { allModels, needRecords, quickSize, type RecordedModel, withFilled } from "../zoo.ts";
import { expectTrainingInDouble, type RecordInDouble } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

/** What was recorded later of networks whose records have no norms of gradients in float64. */
interface LaterRecord {
  readonly input_shape: readonly number[];
  readonly losses_float64: readonly number[];
  readonly grad_norms_float64: readonly number[];
}
const later: Readonly<Record<string, LaterRecord>> = float64;

/** What a network gives in float64 where its training steps are those of `quickSize`; undefined where that is not recorded. */
function inDouble({ recorded, record }: RecordedModel): RecordInDouble | undefined {
  const { input_shape, losses_float64: losses, grad_norms_float64: gradientNorms } = quickSize(record).train;
  if (losses !== undefined && gradientNorms !== undefined) return { losses, gradientNorms };
  const beside = later[recorded];
  if (beside === undefined) return undefined;
  if (`${beside.input_shape}` !== `${input_shape}`)
    throw new Error(`${recorded} was recorded in float64 for other images: ${beside.input_shape}`);
  return { losses: beside.losses_float64, gradientNorms: beside.grad_norms_float64 };
}

describe("the zoo in double precision", () => {
  let engine: Engine<Float64Array>;
  beforeAll(async () => {
    engine = await nativeEngine({ bits: 64 });
  });
  afterAll(() => engine.dispose());

  const all = allModels();
  needRecords(all);

  it.each(all.filter((each) => inDouble(each) !== undefined))(
    "$name learns as $recorded in float64",
    async (each) => {
      const { name, model, record } = each;
      const precise = inDouble(each);
      if (precise === undefined) throw new Error(`${name} has no record in float64`);
      const { train } = quickSize(record);
      await withFilled(engine, model, record, async (filled) =>
        expectTrainingInDouble(name, await filled.train(train), train, record, precise),
      );
    },
  );
});
