/** The flags of `striate train`, and the training options that they, a recipe and an earlier run make together. */

import type { Command } from "commander";
import type { Recomputation } from "../graph/recompute.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import { sgd } from "../train/optimizer.ts";
import { type TrainingOptions, trainingOptions } from "../train/options.ts";
import { recipeFor } from "../train/recipes.ts";
import { scheduleForms } from "../train/schedules/index.ts";
import { addEngineOptions, type EngineFlags } from "./engines.ts";
import { count, type ImageShape, imageShape, number, oneOf, whole } from "./flags.ts";
import { recomputeOption } from "./recompute-option.ts";
import type { DataFlags } from "./training-data.ts";

export interface TrainFlags extends DataFlags, EngineFlags {
  readonly epochs?: number;
  readonly batch?: number;
  readonly microBatch?: number;
  readonly recompute?: Recomputation;
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
  readonly rule?: "pytorch" | "alexnet";
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly schedule?: string;
  readonly warmupEpochs?: number;
  readonly labelSmoothing?: number;
  readonly augment?: string;
  readonly seed?: number;
  readonly validation?: number;
  readonly patience?: number;
  readonly minDelta?: number;
  readonly limit?: number;
  readonly classes?: number;
  readonly auxiliary?: boolean;
  readonly input?: ImageShape;
  readonly out?: string;
  readonly resume?: boolean;
  readonly checkpointSteps?: number;
  readonly json?: boolean;
}

export function addTrainFlags(command: Command): Command {
  const schedules = Object.values(scheduleForms).map(({ form }) => form);
  command
    .requiredOption(
      "--data <name|dir>",
      "a data set by name (mnist, digits, …) or a folder of pictures by class",
    )
    .option("--data-dir <dir>", "where the files of a named data set are; else they are downloaded and kept")
    .option("--epochs <n>", "times that every image is seen", count)
    .option("--batch <n>", "images a step", count)
    .option(
      "--micro-batch <n>",
      "images at once; the gradients of a step are summed over several such parts",
      count,
    )
    .addOption(recomputeOption())
    .option("--learning-rate <x>", "base learning rate", number)
    .option("--momentum <x>", "momentum of SGD", number)
    .option("--nesterov", "look ahead along the velocity")
    .option("--weight-decay <x>", "weight decay", number)
    .option(
      "--rule <name>",
      "how decay and rate enter the velocity: pytorch or alexnet",
      oneOf("pytorch", "alexnet"),
    )
    .option("--clip-norm <x>", "greatest norm of all gradients together", number)
    .option("--clip-value <x>", "greatest magnitude of one gradient", number)
    .option("--schedule <form>", `how the rate falls: ${schedules.join(", ")}`)
    .option("--warmup-epochs <x>", "epochs in which the rate rises first", number)
    .option("--label-smoothing <x>", "share of the target that goes to all classes alike", number)
    .option("--augment <list>", "random changes to each image, such as crop,flip or shift:2,rotate:10")
    .option("--seed <n>", "of weights, order, augmentation and dropout", whole)
    .option("--validation <n|fraction>", "training images to hold out and validate with; 0 for none", number)
    .option(
      "--patience <n>",
      "stop after so many epochs without a better validation top-1, keep the best",
      count,
    )
    .option("--min-delta <x>", "by how much a top-1 must be greater to be better", number)
    .option("--limit <n>", "train on so many of the images", count);
  return addEngineOptions(command)
    .option("--classes <n>", "length of the logits, if not the number of classes in the data", count)
    .option("--auxiliary", "train with the auxiliary heads of its paper (default where the model has any)")
    .option("--no-auxiliary", "train without them")
    .option("--input <HxWxC>", "size that pictures of a folder are scaled to, such as 64x64x3", imageShape)
    .option("--out <dir>", "folder of the run (default: runs/<model>-<data>)")
    .option("--resume", "go on with the run in that folder, from its last checkpoint")
    .option("--checkpoint-steps <n>", "also write a checkpoint after every so many steps", count)
    .option("--json", "write the result as one JSON object to standard output");
}

/**
 * The options of a run: what was given wins over the run that goes on, or over the model's recipe where none does. What was
 * given and differs from the run is refused by the trainer. `hasValidation`: the data has a part of its own to validate with.
 */
export function optionsOf(
  model: string,
  flags: TrainFlags,
  before: Checkpoint | undefined,
  hasValidation: boolean,
): TrainingOptions {
  // Images that the publisher set apart to validate with leave all others to train on.
  const fresh = { ...recipeFor(model), ...(hasValidation ? { validation: null } : {}) };
  const base = trainingOptions(before?.training ?? fresh);
  const { momentum, nesterov, weightDecay, rule, clipNorm, clipValue } = flags;
  const optimizer = sgd({
    ...base.optimizer,
    ...given({ momentum, nesterov, weightDecay, rule, clipNorm, clipValue }),
  });
  const { epochs, batch, microBatch, learningRate, schedule, warmupEpochs, labelSmoothing, augment } = flags;
  const { seed, validation, patience, minDelta, limit } = flags;
  return trainingOptions({
    ...base,
    ...given({ epochs, batch, microBatch, learningRate, schedule, warmupEpochs, labelSmoothing, augment }),
    ...given({ seed, validation, patience, minDelta, limit }),
    optimizer,
  });
}

/** The fields that have a value. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as { [K in keyof T]?: Exclude<T[K], undefined> }; // exactly what the filter left
}
