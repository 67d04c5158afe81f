/**
 * Networks in double precision on native code: losses and the gradient of every parameter equal those that their references give in
 * float64, to the digits that are recorded. In float32 a unit that rounding tips changes gradients by up to some hundredths, the
 * references' own too: what `zoo-expectations.ts` allows there is rounding, and nothing else.
 *
 * `STRIATE_DOUBLE=all` takes every network, `STRIATE_DOUBLE=resnet101,…` some by their records; each is compiled first.
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

/** What a network's reference gives in float64 in the training steps of `quickSize`. */
function inDouble({ recorded, record }: RecordedModel): RecordInDouble {
  const { input_shape, losses_float64: losses, grad_norms_float64: gradientNorms } = quickSize(record).train;
  if (losses !== undefined && gradientNorms !== undefined) return { losses, gradientNorms };
  const beside = later[recorded];
  if (`${beside?.input_shape}` !== `${input_shape}`)
    throw new Error(`${recorded} was not recorded in float64 for images ${input_shape}`);
  return { losses: beside.losses_float64, gradientNorms: beside.grad_norms_float64 };
}

/**
 * By their records: some of those of which float32 does not give all gradients to a thousandth on some engine, of many forms, and soon
 * compiled.
 */
const undeterminedInSingle = [
  "resnet20_cifar10",
  "resnet56_cifar10",
  "mobilenet_v1_cifar10",
  "fractalnet_cifar10",
  "mobilenet_v1_timm",
  "mobilenet_v2",
  "shufflenet_v1_g3_pytorchcv",
  "shufflenet_v2_x1_0",
  "shufflenet_v2_x1_5",
  "resnet50",
  "resnext50_32x4d",
  "densenet121",
  "googlenet",
];

const wanted = process.env.STRIATE_DOUBLE;

describe("the zoo in double precision", () => {
  let engine: Engine<Float64Array>;
  beforeAll(async () => {
    engine = await nativeEngine({ bits: 64 });
  });
  afterAll(() => engine.dispose());

  const all = allModels();
  needRecords(all);
  const names = wanted?.split(",") ?? undeterminedInSingle;
  const models = all.filter(({ recorded }) => wanted === "all" || names.includes(recorded));

  it.each(models)("$name learns as $recorded", async (each) => {
    const { name, model, record } = each;
    const precise = inDouble(each);
    const { train } = quickSize(record);
    await withFilled(engine, model, record, async (filled) => {
      const found = await filled.train(train);
      expectTrainingInDouble(name, found, train, record, precise);
    });
  });
});
