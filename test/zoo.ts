/** Published models under the fill rule on an engine: their logits, and the three training steps that records hold. */

import type { Engine } from "../src/engines/index.ts";
import { gradients } from "../src/graph/backward.ts";
import { plan } from "../src/graph/plan.ts";
import { StateLayout } from "../src/graph/state-layout.ts";
import { build } from "../src/nn/index.ts";
import { crossEntropy } from "../src/ops/cross-entropy.ts";
import { multiply } from "../src/ops/multiply.ts";
import { input, type Tensor } from "../src/ops/operation.ts";
import { sum } from "../src/ops/sum.ts";
import { sgd } from "../src/train/optimizer.ts";
import { sgdUpdates } from "../src/train/update.ts";
import { fillLabels } from "./golden/fill.ts";
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

/** What the same three steps give here. */
export interface Training {
  readonly losses: readonly number[];
  /** By the record's names, at the first step. */
  readonly gradientNorms: ReadonlyMap<string, number>;
}

export interface FilledModel {
  /** Logits of the filled image of this shape, [n, c, h, w], row after row. */
  logits(shape: readonly number[]): Promise<Float32Array>;
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
  return recordedModels().filter(({ record }) => !isHeavy(record));
}

/** Published models that do not. */
export function heavyModels(): RecordedModel[] {
  return recordedModels().filter(({ record }) => isHeavy(record));
}

/** Quick models whose published images are larger than those they learn from. */
export function largeModels(): RecordedModel[] {
  return quickModels().filter(({ record }) => quickSize(record) !== record);
}

/** The smallest size of a record that training steps were taken at. */
export function quickSize(record: ZooRecord): ZooSize & { readonly train: TrainingRecord } {
  for (const size of [record.small, record])
    if (size?.train !== undefined) return size as ZooSize & { readonly train: TrainingRecord };
  throw new Error(`${record.model} has no training steps`);
}

/** 50 billion multiply-adds of three steps forwards and backwards, or 70 million parameters to fill. */
function isHeavy(record: ZooRecord): boolean {
  const { macs, train } = quickSize(record);
  return 9 * train.input_shape[0] * macs > 5e10 || record.parameters > 7e7;
}

/** All models whose record is there; without the folder none, with a warning for each. */
function recordedModels(): RecordedModel[] {
  return publishedModels.flatMap((model) => {
    // The record holds more than the tests beside the models read.
    const record = publishedRecord(model.recorded) as ZooRecord | undefined;
    return record === undefined ? [] : [{ name: model.name, recorded: model.recorded, model, record }];
  });
}

/** Opens a session with a model's weights filled as its record says, and gives it back when `use` is done. */
export async function withFilled<Result>(
  engine: Engine,
  published: PublishedModel,
  record: ZooRecord,
  use: (filled: FilledModel) => Promise<Result>,
): Promise<Result> {
  const { model, training = model, recordedName = (ours: string) => ours } = published;
  const { bn_weight_scale: scale } = record.fill;
  const [n, c, h, w] = quickSize(record).train.input_shape;
  // Two images, because batch norm over maps of 1×1 has no variance for one.
  const { parameters, states } = build(training, { input: [Math.max(2, n), h, w, c], training: true });
  const layout = new StateLayout();
  const weights = layout.append("parameters", parameters);
  const named = (name: string) => ({ name: `velocity of ${name}` });
  const velocity = layout.append(
    "velocity",
    parameters.map((each) => ({ ...each, ...named(each.name) })),
  );
  layout.append("states", states);
  if (weights === undefined) throw new Error(`${published.name} has no parameters`);
  const session = await engine.open(layout);
  try {
    for (const each of [...parameters, ...states])
      session.write(each.name, filledValues({ ...each, name: recordedName(each.name) }, scale));
    return await use({
      async logits([images, channels, height, width]) {
        const shape = [images, height, width, channels];
        const { outputs } = build(model, { input: shape });
        const program = await session.load(plan({ outputs: { logits: outputs.logits }, state: layout }));
        return (await program.run({ x: filledImages("input", shape) })).logits.slice();
      },
      async train({ input_shape: [images, channels, height, width], labels }) {
        const shape = [images, height, width, channels];
        const network = build(training, { input: shape, training: true });
        const pixelwise = typeof labels === "string";
        const target = input("labels", pixelwise ? [images, height, width] : [images]);
        const lossOf = published.loss ?? (({ logits }) => crossEntropy({ x: logits, labels: target }));
        const loss = lossOf(network.outputs, target);
        const found = gradients(
          loss,
          network.parameters.map(({ tensor }) => tensor),
        );
        const reached = found.filter((each) => each !== undefined);
        if (reached.length < found.length) {
          const without = network.parameters.filter((_, i) => found[i] === undefined);
          throw new Error(`no gradient reaches ${without.map(({ name }) => name).join(", ")}`);
        }
        const { updates } = sgdUpdates({ parameters: weights, velocity, gradients: reached }, recordedRule);
        const program = await session.load(
          plan({
            outputs: { loss, ...Object.fromEntries(reached.map((each, i) => [`square ${i}`, square(each)])) },
            updates: [...network.updates.map(({ state, value }) => ({ target: state, value })), ...updates],
            state: layout,
          }),
        );
        const classes = network.outputs.logits.shape.at(-1) ?? 0;
        const targets = pixelwise ? fillLabels("labels", images * height * width, classes) : labels;
        const inputs = { x: filledImages("input", shape), labels: targets };
        const losses: number[] = [];
        const gradientNorms = new Map<string, number>();
        for (let step = 0; step < 3; step++) {
          const { loss: value, ...squares } = await program.run(inputs, { step, learningRate: 0.01 });
          losses.push(value[0]);
          if (step === 0)
            for (const [i, { name }] of network.parameters.entries())
              gradientNorms.set(recordedName(name), Math.sqrt(squares[`square ${i}`][0]));
        }
        return { losses, gradientNorms };
      },
    });
  } finally {
    session.dispose();
  }
}

/** The rule of the records. */
const recordedRule = sgd({ momentum: 0.9, weightDecay: 1e-4 });

/** Σ x², row by row: 100 million numbers added one by one in float32 are a thousandth off. */
function square(x: Tensor): Tensor {
  const last = x.shape.length - 1;
  const rows = sum({ x: multiply({ a: x, b: x }, {}) }, { axes: [last] });
  return last === 0 ? rows : sum({ x: rows }, { axes: rows.shape.map((_, axis) => axis) });
}
