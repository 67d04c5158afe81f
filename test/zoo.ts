/** Published models under the fill rule on an engine: their logits, and the three training steps that records hold. */

import { it } from "vitest";
import type { Engine } from "../src/engines/index.ts";
import { gradients } from "../src/graph/backward.ts";
import { plan } from "../src/graph/plan.ts";
import { StateLayout } from "../src/graph/state-layout.ts";
import type { Numbers } from "../src/kernels/javascript.ts";
import { models } from "../src/models/registry.ts";
import { build } from "../src/nn/index.ts";
import { crossEntropy } from "../src/ops/cross-entropy.ts";
import { input, state } from "../src/ops/operation.ts";
import { velocityName } from "../src/train/learner-plans.ts";
import { sgd } from "../src/train/optimizer.ts";
import { sgdUpdates } from "../src/train/update.ts";
import { fillLabels } from "./golden/fill.ts";
import float64 from "./golden/float64.json" with { type: "json" };
import { filledImages, filledValues, type PublishedRecord, publishedRecord } from "./networks.ts";
import { type PublishedModel, publishedModels } from "./published-models.ts";

/** What the folder of published values says of a network besides what the tests beside the models read. */
export interface ZooRecord extends PublishedRecord {
  readonly fill: { readonly bn_weight_scale: number };
  /** How many there are of each kind of normalisation with parameters. */
  readonly norm_layers: Readonly<Record<string, unknown>>;
  /** Trained parameters in the order of `grad_norms`, or a sentence where they are those of `tensors`. */
  readonly parameter_names: readonly string[] | string;
  readonly float64?: { readonly max_abs_diff_of_float32_over_std: number };
  readonly train?: TrainingRecord;
  /** In place of logits where pixels have classes. */
  readonly output?: PixelSummary;
  /** The same at a size that is quick to compute. */
  readonly small?: ZooSize;
}

export type ZooSize = Pick<PublishedRecord, "input_shape" | "logits" | "logits_mean_std" | "macs"> &
  Pick<ZooRecord, "float64" | "train" | "output">;

/** What is recorded of the logits of pixels, [n, c, h, w], in place of all of them. */
export interface PixelSummary {
  readonly output_shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly class_means: readonly number[];
  /** The logits of the first pixel, and of that at [h/2, w/2]. */
  readonly pixel_0_0: readonly number[];
  readonly pixel_center: readonly number[];
}

/** Three steps of gradient descent from the filled weights on one batch. */
export interface TrainingRecord {
  readonly input_shape: readonly number[];
  /** One for each image; a sentence where each pixel has one, by the fill rule. */
  readonly labels: readonly number[] | string;
  /** Before each of the updates, in float32 and, where it was recorded, in float64. */
  readonly losses: readonly number[];
  readonly losses_float64?: readonly number[];
  /** Of all parameters at the first step. */
  readonly grad_norm: { readonly all: number };
  readonly grad_norm_float64?: { readonly all: number };
  /** Of each parameter at the first step; only beside the quickest size. */
  readonly grad_norms?: readonly number[];
  readonly grad_norms_float64?: readonly number[];
  /** Parameters that the loss does not depend on. */
  readonly no_grad_for?: readonly string[];
}

/** What float64 gives of a record's steps, in the order of its norms. */
export interface RecordInDouble {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
}

/** What was recorded later of networks whose records have no norms of gradients in float64. */
interface LaterRecord {
  readonly input_shape: readonly number[];
  readonly losses_float64: readonly number[];
  readonly grad_norms_float64: readonly number[];
}
const later: Readonly<Record<string, LaterRecord>> = float64;

/** What a network's reference gives in float64 in the training steps of `quickSize`. */
export function inDouble({ recorded, record }: RecordedModel): RecordInDouble {
  const { input_shape, losses_float64: losses, grad_norms_float64: gradientNorms } = quickSize(record).train;
  if (losses !== undefined && gradientNorms !== undefined) return { losses, gradientNorms };
  const beside = later[recorded];
  if (`${beside?.input_shape}` !== `${input_shape}`)
    throw new Error(`${recorded} was not recorded in float64 for images ${input_shape}`);
  return { losses: beside.losses_float64, gradientNorms: beside.grad_norms_float64 };
}

/** What the same three steps give here. */
export interface Training {
  readonly losses: readonly number[];
  /** By the record's names, at the first step. */
  readonly gradientNorms: ReadonlyMap<string, number>;
}

export interface FilledModel<Values extends Numbers = Float32Array> {
  /** Logits of the filled image of this shape, [n, c, h, w], row after row. */
  logits(shape: readonly number[]): Promise<Values>;
  /** The recorded steps; weights are others afterwards. */
  train(recorded: TrainingRecord): Promise<Training>;
}

export interface RecordedModel {
  readonly name: string;
  readonly recorded: string;
  readonly model: PublishedModel;
  readonly record: ZooRecord;
}

/** Published models that compute and learn in seconds. */
export function quickModels(): RecordedModel[] {
  return allModels().filter(({ record }) => !isHeavy(record));
}

/** Published models that do not. */
export function heavyModels(): RecordedModel[] {
  return allModels().filter(({ record }) => isHeavy(record));
}

/** Quick models whose published images are larger than those they learn from. */
export function largeModels(): RecordedModel[] {
  return quickModels().filter(({ record }) => quickSize(record) !== record);
}

/** Of each paper in the registry the recorded network that learns soonest. */
export function onePerPaper(): RecordedModel[] {
  const papers = new Map(models.map(({ name, paper }) => [name, paper]));
  const soonest = new Map<string, RecordedModel>();
  for (const each of allModels()) {
    // What is behind the name says in which form it was recorded: "googlenet with heads".
    const paper = papers.get(each.name.split(" ")[0]);
    if (paper === undefined) throw new Error(`${each.name} is of no paper in the registry`);
    const known = soonest.get(paper);
    if (known === undefined || work(each.record) < work(known.record)) soonest.set(paper, each);
  }
  return [...soonest.values()];
}

/** Whether a network has normalisation with parameters, which amplifies what float32 rounds. */
export function normalizes(record: ZooRecord): boolean {
  return Object.keys(record.norm_layers).length > 0;
}

/** The smallest size of a record that training steps were taken at. */
export function quickSize(record: ZooRecord): ZooSize & { readonly train: TrainingRecord } {
  for (const size of [record.small, record])
    if (size?.train !== undefined) return size as ZooSize & { readonly train: TrainingRecord };
  throw new Error(`${record.model} has no training steps`);
}

/** 50 billion multiply-adds, or 70 million parameters to fill. */
export function isHeavy(record: ZooRecord): boolean {
  return work(record) > 5e10 || record.parameters > 7e7;
}

/** Multiply-adds of three steps forwards and backwards. */
function work(record: ZooRecord): number {
  const { macs, train } = quickSize(record);
  return 9 * train.input_shape[0] * macs;
}

/** All models whose record is there; without the folder none, with a warning for each. */
export function allModels(): RecordedModel[] {
  return publishedModels.flatMap((model) => {
    // The record holds more than the tests beside the models read.
    const record = publishedRecord(model.recorded) as ZooRecord | undefined;
    return record === undefined ? [] : [{ name: model.name, recorded: model.recorded, model, record }];
  });
}

/** The values of one model at a time: to fill large networks takes as long as to compute with them, and tests come in pairs. */
let filled:
  | { readonly published: PublishedModel; readonly values: ReadonlyMap<string, Float32Array> }
  | undefined;

function remembered(published: PublishedModel, fill: () => ReadonlyMap<string, Float32Array>) {
  if (filled?.published !== published) {
    // What was remembered is let go of first.
    filled = undefined;
    filled = { published, values: fill() };
  }
  return filled.values;
}

/** Where no record is there, a test that is skipped and says so: a suite without tests would fail. */
export function needRecords(found: readonly RecordedModel[]): void {
  if (found.length > 0) return;
  it("needs the records beside the repository", (context) =>
    context.skip("the folder of records is absent; each absent record has said so")); // The product passes its tests without it.
}

/** Opens a session with a model's weights filled as its record says, and gives it back when `use` is done. */
export async function withFilled<Result, Values extends Numbers = Float32Array>(
  engine: Engine<Values>,
  published: PublishedModel,
  record: ZooRecord,
  use: (filled: FilledModel<Values>) => Promise<Result>,
): Promise<Result> {
  const { model, training = model, recordedName = (ours: string) => ours } = published;
  const { bn_weight_scale: scale } = record.fill;
  const [n, c, h, w] = quickSize(record).train.input_shape;
  // Two images, because batch norm over maps of 1×1 has no variance for one.
  const { parameters, states } = build(training, { input: [Math.max(2, n), h, w, c], training: true });
  const layout = new StateLayout();
  const weights = layout.append("parameters", parameters);
  const velocity = layout.append(
    "velocity",
    parameters.map((each) => ({ ...each, name: velocityName(each.name) })),
  );
  layout.append("states", states);
  if (weights === undefined) throw new Error(`${published.name} has no parameters`);
  const session = await engine.open(layout);
  try {
    const values = remembered(published, () => {
      const all = [...parameters, ...states];
      return new Map(
        all.map((each) => [each.name, filledValues({ ...each, name: recordedName(each.name) }, scale)]),
      );
    });
    for (const [name, each] of values) session.write(name, each);
    return await use({
      async logits([images, channels, height, width]) {
        const shape = [images, height, width, channels];
        const { outputs } = build(model, { input: shape });
        const program = await session.load(plan({ outputs: { logits: outputs.logits }, state: layout }));
        return (await program.run({ x: filledImages("input", shape) })).logits.slice() as Values;
      },
      async train(recorded) {
        const { network, loss, found, inputs } = trainingGraph(published, recorded);
        const each = network.parameters.map(({ name, shape, kind, tensor }) => ({
          weight: tensor,
          velocity: state(velocityName(name), shape, kind),
        }));
        const tensors = { parameters: weights, velocity, gradients: found, each };
        const { updates } = sgdUpdates(tensors, recordedRule);
        const program = await session.load(
          plan({
            outputs: { loss },
            updates: [...network.updates.map(({ state, value }) => ({ target: state, value })), ...updates],
            state: layout,
          }),
        );
        const losses: number[] = [];
        const gradientNorms = new Map<string, number>();
        for (let step = 0; step < 3; step++) {
          losses.push((await program.run(inputs, { step, learningRate })).loss[0]);
          if (step === 0)
            for (const { name } of network.parameters) {
              const first = session.read(velocityName(name));
              gradientNorms.set(recordedName(name), normOfGradient(first, values.get(name) ?? first));
            }
        }
        return { losses, gradientNorms };
      },
    });
  } finally {
    session.dispose();
  }
}

/** What the recorded steps compute: a loss and its gradients with respect to all parameters. */
function trainingGraph(published: PublishedModel, { input_shape: [n, c, h, w], labels }: TrainingRecord) {
  const { model, training = model } = published;
  const network = build(training, { input: [n, h, w, c], training: true });
  const pixelwise = typeof labels === "string";
  const target = input("labels", pixelwise ? [n, h, w] : [n]);
  const loss =
    published.loss?.(network.outputs, target) ?? crossEntropy({ x: network.outputs.logits, labels: target });
  const all = gradients(
    loss,
    network.parameters.map(({ tensor }) => tensor),
  );
  const found = all.filter((each) => each !== undefined);
  if (found.length < all.length) {
    const without = network.parameters.filter((_, i) => all[i] === undefined);
    throw new Error(`no gradient reaches ${without.map(({ name }) => name).join(", ")}`);
  }
  const classes = network.outputs.logits.shape.at(-1) ?? 0;
  const inputs = {
    x: filledImages("input", [n, h, w, c]),
    labels: pixelwise ? fillLabels("labels", n * h * w, classes) : labels,
  };
  return { network, loss, found, inputs };
}

/** The rule of the records, and its rate. */
const recordedRule = sgd({ momentum: 0.9, weightDecay: 1e-4 });
const learningRate = 0.01;

/** The norm of a gradient g, of whose parameter w the first velocity is g + weightDecay · w: so no step need keep its gradients. */
function normOfGradient(velocity: Numbers, weight: Numbers): number {
  const { weightDecay } = recordedRule;
  let squares = 0;
  for (let i = 0; i < velocity.length; i++) squares += (velocity[i] - weightDecay * weight[i]) ** 2;
  return Math.sqrt(squares);
}
