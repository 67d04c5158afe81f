/** Makes a checkpoint of ours from weights that others have published: their names, their layout, their way with pictures. */

import type { Normalization } from "../data/normalization.ts";
import type { WritableTensor } from "../formats/safetensors.ts";
import { normalizationOf, type Preprocessing } from "../models/preprocessing.ts";
import type { RegisteredModel } from "../models/registry.ts";
import { initialValues } from "../nn/initializers.ts";
import { build } from "../nn/network.ts";
import { size } from "../tensor/shape.ts";
import type { Checkpoint, DataRecord } from "./checkpoint.ts";
import { trainingOptions } from "./options.ts";
import { initialProgress } from "./progress.ts";
import { recipeFor } from "./recipes.ts";
import { version } from "./version.ts";
import { namesOf, renamed } from "./weight-names.ts";
import { auxiliaryOf, headOf, weightsFor } from "./weights.ts";

export interface AdoptOptions {
  /** How errors call the file. Default "the file". */
  readonly file?: string;
  /** Length of the logits. Default: the data's classes, else the model's. */
  readonly classes?: number;
  /** What the weights tell apart. Default: classes without names, and the image and preprocessing of the published weights. */
  readonly data?: Partial<DataRecord>;
  /** Whether a head of other classes is left out and drawn anew. Default false: it is refused. */
  readonly newHead?: boolean;
  /** Parts of the file that the model does not have: "aux1" is "aux1.fc.weight" too. */
  readonly ignore?: readonly string[];
  /** Draws a new head. Default 1. */
  readonly seed?: number;
}

export interface AdoptedWeights {
  readonly checkpoint: Checkpoint;
  /** Whose names the file has, where they are not the model's own. */
  readonly namesOf: string | null;
  /** Names of the file that are of auxiliary heads, which only training has. */
  readonly leftOut: readonly string[];
  /** Trained numbers of the model. */
  readonly parameters: number;
  /** Names of what the file does not have and is drawn. */
  readonly drawn: readonly string[];
}

/**
 * The checkpoint of a model with the weights of a file (`readWeights`), to evaluate, predict and train on with. Names are the
 * reference's or those of a file we know (weight-names.ts). Throws a CheckpointError that lists all that does not fit.
 */
export function adoptWeights(
  model: RegisteredModel,
  tensors: ReadonlyMap<string, WritableTensor>,
  { file = "the file", data = {}, newHead = false, ignore = [], seed = 1, ...options }: AdoptOptions = {},
): AdoptedWeights {
  const names = tableFor(model, tensors);
  const imageShape = data.imageShape ?? names?.input ?? model.input;
  const classes = options.classes ?? data.classes?.length ?? model.classes;
  const layers = model.build({ classes });
  const network = build(layers, { input: [1, ...imageShape], training: true });
  const declared = [...network.parameters, ...network.states];
  const heads = trainingHeads(model, declared, classes, imageShape);
  const leftOut: string[] = [];
  const rename = (theirs: string) => {
    if (ignore.some((part) => theirs === part || theirs.startsWith(`${part}.`))) return undefined;
    const ours = names ? renamed(names, theirs) : theirs;
    if (!heads.has(ours)) return ours;
    leftOut.push(theirs);
    return undefined;
  };
  const weights = weightsFor(declared, tensors, {
    file,
    head: newHead ? headOf((count) => model.build({ classes: count }), imageShape) : [],
    optional: auxiliaryOf(layers, imageShape),
    rename,
  });
  // Drawn for what the file does not have alone.
  const missing = ({ name }: { readonly name: string }) => !weights.has(name);
  const { parameters, states } = network;
  const initial = initialValues(
    { parameters: parameters.filter(missing), states: states.filter(missing) },
    seed,
  );
  const state = declared.map(({ name, shape, kind }) => {
    const fresh = { shape, kind, data: initial.get(name) ?? new Float32Array(size(shape)) };
    return [name, weights.get(name) ?? fresh] as const;
  });
  const preprocessing = names?.preprocessing ?? model.preprocessing;
  // Data that says how it is normalised says how much of a picture is seen, too.
  const cropFraction =
    data.cropFraction ?? (data.normalization === undefined ? preprocessing.cropFraction : 1);
  return {
    checkpoint: {
      version,
      model: { name: model.name, options: { classes } },
      data: {
        name: data.name ?? "unknown",
        // None by default: the images that the weights were trained on are not known.
        fingerprint: data.fingerprint ?? "",
        classes: data.classes ?? Array.from({ length: classes }, (_, label) => `${label}`),
        normalization: data.normalization ?? normalizationFor(imageShape[2], preprocessing),
        ...(cropFraction === 1 ? {} : { cropFraction }),
        imageShape,
      },
      training: trainingOptions(recipeFor(model.name)),
      progress: initialProgress,
      state: new Map(state),
    },
    namesOf: names?.of ?? null,
    leftOut,
    parameters: network.parameters.reduce((sum, { shape }) => sum + size(shape), 0),
    drawn: declared.map(({ name }) => name).filter((name) => !weights.has(name)),
  };
}

/** Names of the auxiliary heads that a model is trained with, where it is without them here. */
function trainingHeads(
  { training }: RegisteredModel,
  declared: readonly { readonly name: string }[],
  classes: number,
  imageShape: DataRecord["imageShape"],
): ReadonlySet<string> {
  if (training === undefined) return new Set();
  const { parameters, states } = build(training.build({ classes }), {
    input: [2, ...imageShape],
    training: true,
  });
  const own = new Set(declared.map(({ name }) => name));
  return new Set([...parameters, ...states].map(({ name }) => name).filter((name) => !own.has(name)));
}

function tableFor(model: RegisteredModel, tensors: ReadonlyMap<string, WritableTensor>) {
  const { parameters, states } = build(model.build(), { input: [1, ...model.input], training: true });
  return namesOf(model.name, [...parameters, ...states], tensors.keys());
}

/** As published, or 0…1 where the image has other channels than the published weights know. */
function normalizationFor(channels: number, preprocessing: Preprocessing): Normalization {
  if (preprocessing.mean.length === channels) return normalizationOf(preprocessing);
  return { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
}
