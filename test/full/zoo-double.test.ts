/**
 * Networks for small devices and small pictures in double precision against what their references gave in float64, to the digits
 * that are recorded. Their three steps of training part by hundredths in float32, the references' own too: what
 * `zoo-expectations.ts` allows there is rounding, and nothing else.
 *
 * `STRIATE_DOUBLE=resnet101,…` (or `all`, for hours) takes others, by their records.
 */

import { describe, it, vi } from "vitest";
import { allModels, needRecords, quickSize, trainInDouble } from "../zoo.ts";
import { expectTrainingInDouble } from "../zoo-expectations.ts";

vi.mock("../../src/ops/dropout.ts", () => import("../without-dropout.ts"));

/** By their records: those that compute soonest, of what has batch norm, gates, groups, shuffles, shortcuts and responses normalised. */
const soonest = [
  "cifar10_full_caffe",
  "shufflenet_v1_g3_x0_5",
  "shufflenet_v2_x1_0",
  "mobilenet_v3_small",
  "mobilenet_v2",
  "resnet20_cifar10",
];

const wanted = process.env.STRIATE_DOUBLE;

describe("the zoo in double precision", () => {
  const all = allModels();
  needRecords(all);
  const models = all.filter(({ recorded, record }) =>
    wanted === "all"
      ? quickSize(record).train.grad_norms_float64 !== undefined
      : (wanted?.split(",") ?? soonest).includes(recorded),
  );

  it.each(models)("$name learns as $recorded in float64", ({ name, model, record }) => {
    const { train } = quickSize(record);
    expectTrainingInDouble(name, trainInDouble(model, record, train), train, record);
  });
});
