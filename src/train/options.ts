/** What one training is told, apart from the model and the data: all that its result depends on, as checkpoints keep it. */

import { OptionError } from "../tensor/index.ts";
import type { Fields } from "./fields.ts";
import { type OptimizerOptions, sgd } from "./optimizer.ts";
import { parseSchedule } from "./schedules/index.ts";

export interface TrainingOptions {
  /** Times that every training image is seen. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** Images that are computed at once, where a step's are too many for the memory; null for all of them. */
  readonly microBatch: number | null;
  /** Base rate, which the schedule and warm-up multiply. */
  readonly learningRate: number;
  readonly optimizer: OptimizerOptions;
  /** As `parseSchedule` takes it. */
  readonly schedule: string;
  /** Epochs, whole or not, in which the rate rises linearly. */
  readonly warmupEpochs: number;
  /** Share of the target given to all classes alike, in [0, 1): Szegedy et al., arXiv:1512.00567, section 7. */
  readonly labelSmoothing: number;
  /** As `parseAugmentation` takes it; "" is none. */
  readonly augment: string;
  /** Of initial weights, order of images, augmentation, dropout and the held-out images. */
  readonly seed: number;
  /** Training images held out to validate with: a count from 1, a fraction below 1, 0 for none; null for the data's own part. */
  readonly validation: number | null;
  /** Uses this many of the training images; null for all. */
  readonly limit: number | null;
  /** Stops after this many epochs without a better validation top-1, and takes the best weights back; null for never. */
  readonly patience: number | null;
  /** By how much a top-1 must be greater to be better, as a fraction of 1. */
  readonly minDelta: number;
  /** Engine that computes: the last bits of a run are its own. */
  readonly engine: string;
}

export const defaultTrainingOptions: TrainingOptions = {
  epochs: 10,
  batch: 128,
  microBatch: null,
  learningRate: 0.05,
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  schedule: "cosine",
  warmupEpochs: 0,
  labelSmoothing: 0,
  augment: "",
  seed: 1,
  validation: 0.1,
  limit: null,
  patience: null,
  minDelta: 0,
  engine: "js",
};

/** The defaults with `given` over them. Throws an OptionError naming the option that cannot be. */
export function trainingOptions(given: Partial<TrainingOptions> = {}): TrainingOptions {
  const options = { ...defaultTrainingOptions, ...given };
  const check = (option: keyof TrainingOptions, holds: boolean, rule: string) => {
    if (!holds) throw new OptionError(`${option} is ${options[option]}; it must be ${rule}.`, { option });
  };
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  check("epochs", isCount(options.epochs) && options.epochs >= 1, "a whole number, at least 1");
  check("batch", isCount(options.batch) && options.batch >= 1, "a whole number, at least 1");
  const { microBatch } = options;
  check(
    "microBatch",
    microBatch === null || (isCount(microBatch) && microBatch >= 1),
    "a whole number, at least 1",
  );
  check("learningRate", options.learningRate > 0 && options.learningRate < Infinity, "greater than 0");
  check("warmupEpochs", options.warmupEpochs >= 0 && options.warmupEpochs < Infinity, "at least 0");
  check(
    "labelSmoothing",
    options.labelSmoothing >= 0 && options.labelSmoothing < 1,
    "at least 0 and less than 1",
  );
  check("seed", isCount(options.seed) && options.seed < 2 ** 32, "a whole number below 2³²");
  const { validation, limit, patience, minDelta } = options;
  check(
    "validation",
    validation === null || isCount(validation) || (validation > 0 && validation < 1),
    "a count or a fraction below 1",
  );
  check("limit", limit === null || (isCount(limit) && limit >= 1), "a whole number, at least 1");
  check("patience", patience === null || (isCount(patience) && patience >= 1), "a whole number, at least 1");
  check("minDelta", minDelta >= 0 && minDelta < 1, "at least 0 and less than 1");
  return { ...options, schedule: parseSchedule(options.schedule).text, optimizer: sgd(options.optimizer) };
}

/** The options that a checkpoint holds; what is missing or of a wrong type is told by `fields`. */
export function readTrainingOptions(fields: Fields): TrainingOptions {
  return trainingOptions({
    epochs: fields.count("epochs"),
    batch: fields.count("batch"),
    // Runs of earlier versions have none.
    microBatch: fields.has("microBatch") ? fields.numberOrNull("microBatch") : null,
    learningRate: fields.number("learningRate"),
    optimizer: readOptimizer(fields.fields("optimizer")),
    schedule: fields.text("schedule"),
    warmupEpochs: fields.number("warmupEpochs"),
    labelSmoothing: fields.number("labelSmoothing"),
    augment: fields.text("augment"),
    seed: fields.count("seed"),
    validation: fields.numberOrNull("validation"),
    limit: fields.numberOrNull("limit"),
    patience: fields.numberOrNull("patience"),
    minDelta: fields.number("minDelta"),
    engine: fields.text("engine"),
  });
}

function readOptimizer(fields: Fields): OptimizerOptions {
  fields.oneOf("kind", ["sgd"]);
  return sgd({
    momentum: fields.number("momentum"),
    nesterov: fields.flag("nesterov"),
    weightDecay: fields.number("weightDecay"),
    rule: fields.oneOf("rule", ["pytorch", "alexnet"]),
    ...(fields.has("clipNorm") ? { clipNorm: fields.number("clipNorm") } : {}),
    ...(fields.has("clipValue") ? { clipValue: fields.number("clipValue") } : {}),
  });
}
