/** The Node half of inference: files of weights and files of pictures. */

import { dirname, join } from "node:path";
import { decodeImage } from "../data/node.ts";
import type { Engine } from "../engines/engine.ts";
import { openEngine } from "../engines/native/open.ts";
import { readFileBytes } from "../formats/node.ts";
import { modelNamed } from "../models/registry.ts";
import { CheckpointError, OptionError } from "../tensor/errors.ts";
import { adoptWeights } from "../train/adopt-weights.ts";
import { type Checkpoint, decodeCheckpoint } from "../train/checkpoint.ts";
import { readWeights } from "../train/weights-file.ts";
import { type Classifier, createClassifier, type Prediction } from "./classifier.ts";

export interface WeightSource {
  /** The registry's name of the model; only for files that are no checkpoint of ours, which say it themselves. */
  readonly model?: string;
  /** Names of the classes, by label. Default: those of the checkpoint. */
  readonly labels?: readonly string[];
}

export interface OpenClassifierOptions extends WeightSource {
  /** What computes. Default: the fastest engine that this machine has, on all cores; ended with the classifier. */
  readonly engine?: Engine;
  /** Pictures that are computed at a time. Default 32. */
  readonly batch?: number;
}

/** A classifier of picture files. */
export interface FileClassifier extends Classifier {
  /**
   * The `top` likeliest classes of each picture (PNG, JPEG, WebP, …), scaled, cut and normalised as the network has learned it.
   * Throws a DatasetError that names the file when one is no picture. Default of top: 5.
   */
  classifyFiles(files: readonly string[], options?: { readonly top?: number }): Promise<Prediction[][]>;
}

/**
 * Opens a file of weights to classify with: a checkpoint of `striate train` or `striate convert`, or, with `model`, published weights
 * of any kind that `readWeights` knows.
 *
 *   const classifier = await openClassifier("runs/mnist/best.safetensors");
 *   const [[best]] = await classifier.classifyFiles(["seven.png"]);
 */
export async function openClassifier(
  path: string,
  options: OpenClassifierOptions = {},
): Promise<FileClassifier> {
  const { batch = 32 } = options;
  if (!Number.isInteger(batch) || batch < 1)
    throw new OptionError(`batch is ${batch}; it is a whole number from 1 on.`, { batch });
  const checkpoint = await readCheckpoint(path, options);
  const engine = options.engine ?? (await openEngine("auto"));
  const endEngine = () => {
    if (options.engine === undefined) engine.dispose();
  };
  let classifier: Classifier;
  try {
    classifier = await createClassifier(checkpoint, { engine, file: path });
  } catch (error) {
    endEngine();
    throw error;
  }
  const { classify } = classifier;
  return {
    ...classifier,
    async classifyFiles(files, { top = 5 } = {}) {
      const found: Prediction[][] = [];
      for (let from = 0; from < files.length; from += batch) {
        const pixels = await readPictures(files.slice(from, from + batch), checkpoint);
        found.push(...(await classify(pixels, { top })));
      }
      return found;
    },
    dispose() {
      classifier.dispose();
      endEngine();
    },
  };
}

/** The checkpoint in a file, or the one that published weights and the name of their model make. */
export async function readCheckpoint(
  path: string,
  { model, labels }: WeightSource = {},
): Promise<Checkpoint> {
  const bytes = await readFileBytes(path);
  const neighbour = (name: string) => readFileBytes(join(dirname(path), name));
  const { format, tensors, data } = await readWeights(bytes, path, neighbour);
  if (format === "striate") {
    const checkpoint = await decodeCheckpoint(bytes, path);
    if (model !== undefined && modelNamed(model).name !== checkpoint.model.name) {
      throw new CheckpointError(`${path}: is a checkpoint of ${checkpoint.model.name}, not of ${model}.`, {
        file: path,
        model: checkpoint.model.name,
      });
    }
    return labels === undefined ? checkpoint : withLabels(checkpoint, labels);
  }
  if (model === undefined) {
    throw new CheckpointError(
      `${path}: holds weights, but not whose they are. Say so with model, on the command line --model.`,
      { file: path, format },
    );
  }
  const { checkpoint } = adoptWeights(modelNamed(model), tensors, { file: path, ...(data ? { data } : {}) });
  return labels === undefined ? checkpoint : withLabels(checkpoint, labels);
}

function withLabels(checkpoint: Checkpoint, labels: readonly string[]): Checkpoint {
  const { classes } = checkpoint.model.options;
  if (labels.length !== classes) {
    throw new OptionError(`labels has ${labels.length} names, but the model has ${classes} classes.`, {
      labels: labels.length,
      classes,
    });
  }
  return { ...checkpoint, data: { ...checkpoint.data, classes: labels } };
}

/** Bytes of pictures, [n, h, w, c], as many decoded at a time as libuv has threads. */
async function readPictures(files: readonly string[], { data }: Checkpoint): Promise<Uint8Array> {
  const [height, width, channels] = data.imageShape;
  const size = height * width * channels;
  const pixels = new Uint8Array(files.length * size);
  const { cropFraction = 1 } = data;
  const decoded = files.map((file) => decodeImage(file, { height, width, channels, cropFraction }));
  for (const [n, picture] of (await Promise.all(decoded)).entries()) pixels.set(picture, n * size);
  return pixels;
}
