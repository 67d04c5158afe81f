/** A network with its weights, ready to say what pictures show. */

import { normalizer } from "../data/normalization.ts";
import type { Engine } from "../engines/engine.ts";
import { ShapeError } from "../tensor/errors.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import { type CompiledLearner, createLearner } from "../train/compiled-learner.ts";
import { recordedNetwork } from "../train/recorded-network.ts";
import { restoreFrom } from "../train/resume.ts";

export interface Prediction {
  /** Name of the class; its number where the checkpoint has no names. */
  readonly class: string;
  /** Index of the logit. */
  readonly label: number;
  /** softmax(logits) at the label. */
  readonly probability: number;
}

export interface ClassifierOptions {
  /** What computes; it stays open when the classifier is disposed of. */
  readonly engine: Engine;
  /** How errors call the checkpoint. Default "the checkpoint". */
  readonly file?: string;
}

export interface Classifier {
  readonly checkpoint: Checkpoint;
  /** The network, with an optimizer that remembers nothing: to evaluate with. */
  readonly learner: CompiledLearner;
  /**
   * The `top` likeliest classes of each image, likeliest first. `pixels` are bytes [n, h, w, c] of the checkpoint's image shape,
   * red first; they are normalised here. Throws a ShapeError when they are no whole number of images. Default of top: 5.
   */
  classify(pixels: ArrayLike<number>, options?: { readonly top?: number }): Promise<Prediction[][]>;
  /** Frees the network; what is not finished fails. */
  dispose(): void;
}

/** Compiles the network that a checkpoint names and gives it the checkpoint's weights. */
export async function createClassifier(
  checkpoint: Checkpoint,
  { engine, file = "the checkpoint" }: ClassifierOptions,
): Promise<Classifier> {
  const { data, model } = checkpoint;
  const { trained, classes } = recordedNetwork(model);
  const learner = await createLearner({
    ...trained,
    imageShape: data.imageShape,
    engine,
    initialize: false,
    labelSmoothing: checkpoint.training.labelSmoothing,
  });
  try {
    const weights = [...checkpoint.state].filter(([name]) => !name.startsWith("optimizer."));
    restoreFrom(file, learner, new Map(weights));
  } catch (error) {
    learner.dispose();
    throw error;
  }
  const [h, w, c] = data.imageShape;
  const normalise = normalizer(data.normalization, c, file);
  return {
    checkpoint,
    learner,
    async classify(pixels, { top = 5 } = {}) {
      const count = pixels.length / (h * w * c);
      if (!Number.isInteger(count) || count === 0) {
        const rule = `${file} takes images of ${h}×${w}×${c}, ${h * w * c} bytes each`;
        throw new ShapeError(`${pixels.length} bytes are no whole number of images: ${rule}.`, {
          bytes: pixels.length,
          imageShape: data.imageShape,
        });
      }
      const images = new Float32Array(pixels.length);
      normalise(pixels, images, 0);
      const { logits } = await learner.evaluate(images, new Float32Array(count), count);
      return Array.from({ length: count }, (_, n) =>
        likeliest(logits.subarray(n * classes, (n + 1) * classes), data.classes, top),
      );
    },
    dispose: () => learner.dispose(),
  };
}

/** softmax(logits), the `top` greatest. */
export function likeliest(logits: Float32Array, classes: readonly string[], top: number): Prediction[] {
  const greatest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Array.from(logits, (logit) => Math.exp(logit - greatest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers
    .map((power, label) => ({ class: classes[label] ?? `${label}`, label, probability: power / total }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}
