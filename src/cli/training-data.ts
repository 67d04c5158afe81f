/** The three parts of the data of a training: trained on, validated with, and tested on at the end. */

import { basename, resolve } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { datasetNames, holdOut, subset } from "../data/index.ts";
import { availableSplits, type OpenDatasetOptions, openDataset } from "../data/node.ts";
import { DatasetError, formatShape, keyOf, OptionError, permutation } from "../tensor/index.ts";
import type { ImageShape } from "./flags.ts";
import type { Host } from "./host.ts";
import { bar, ProgressLine } from "./progress-line.ts";
import { formatBytes } from "./table.ts";

export interface DataFlags {
  readonly data: string;
  readonly dataDir?: string;
}

export interface TrainingParts {
  readonly train: Dataset;
  readonly validation?: Dataset;
  readonly test?: Dataset;
}

export interface PartsOptions {
  readonly seed: number;
  readonly limit: number | null;
  /** Held out of the training images: count or fraction, 0 for none; null for the data's own validation part. */
  readonly validation: number | null;
  /** What pictures of a folder are scaled to. */
  readonly imageShape: ImageShape;
  /** Whether that shape was asked for, so that data of another shape is refused. */
  readonly isShapeGiven: boolean;
}

/** Opens all parts that there are. Throws an OptionError when the images cannot have the shape that was asked for. */
export async function openTrainingParts(
  flags: DataFlags,
  options: PartsOptions,
  host: Host,
): Promise<TrainingParts> {
  const { imageShape, isShapeGiven, limit, seed, validation } = options;
  const splits = await availableSplits(flags.data);
  const open = (split: OpenDatasetOptions["split"] & string) => openPart(flags, split, imageShape, host);
  const whole = await open("train");
  if (isShapeGiven && formatShape(whole.imageShape) !== formatShape(imageShape)) {
    const [has, asked] = [whole.imageShape.join("×"), imageShape.join("×")];
    throw new OptionError(`${flags.data} has images of ${has}, not ${asked}. Leave --input out.`, {
      imageShape,
    });
  }
  const limited = limit === null || limit >= whole.length ? whole : anyImages(whole, limit, seed);
  const test = splits.includes("test") ? { test: await open("test") } : {};
  if (validation === null) return { train: limited, validation: await open("validation"), ...test };
  return validation === 0
    ? { train: limited, ...test }
    : { ...holdOut(limited, validation, { seed }), ...test };
}

/** `count` images, drawn: the first ones of a folder would all be of one class. */
function anyImages(dataset: Dataset, count: number, seed: number): Dataset {
  return subset(dataset, permutation(dataset.length, keyOf(seed, limitTag)).slice(0, count).sort());
}

/** Any constant: keeps the draw apart from the others that the seed makes. */
const limitTag = 0x4c494d;

/** Opens one part, showing downloads as they come. Of pictures in a folder the centre is kept, `cropFraction` of their sides. */
export async function openPart(
  { data, dataDir }: DataFlags,
  split: OpenDatasetOptions["split"] & string,
  imageShape: ImageShape,
  host: Host,
  cropFraction = 1,
): Promise<Dataset> {
  const line = new ProgressLine(host);
  const onProgress: OpenDatasetOptions["onProgress"] = ({ file, bytes, total }) => {
    line.draw(() => `${file} ${bar(bytes / total, 20)} ${formatBytes(bytes)} of ${formatBytes(total)}`);
  };
  try {
    return await openDataset(data, {
      split,
      imageShape,
      cropFraction,
      onProgress,
      ...(dataDir === undefined ? {} : { dataDir }),
    });
  } finally {
    line.clear();
  }
}

/** Whether the data comes with a part to validate with. */
export async function hasValidation(data: string): Promise<boolean> {
  return (await availableSplits(data)).includes("validation");
}

/** The part to measure with: the test images, else those of validation. Throws a DatasetError when there is neither. */
export async function evaluationSplit(data: string): Promise<"test" | "validation"> {
  const splits = await availableSplits(data);
  if (splits.includes("test")) return "test";
  if (splits.includes("validation")) return "validation";
  throw new DatasetError(`${data}: has no test and no validation part. Say which with --split.`, {
    data,
    splits,
  });
}

/** What a folder of runs calls the data: its name, or the name of its folder. */
export function dataLabel(data: string): string {
  return datasetNames.includes(data) ? data : basename(resolve(data));
}
