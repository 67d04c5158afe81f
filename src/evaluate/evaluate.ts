/** Runs a network over labelled images once, in inference form, and measures it. */

import type { Batch } from "../data/dataset.ts";
import { type Metrics, MetricsAccumulator } from "./metrics.ts";

/** What can be measured: a network that gives logits and a loss, such as a `Learner` of `train/`. */
export interface Classifier {
  readonly classes: number;
  /** Logits [count, classes] and mean loss of a batch, in inference form. */
  evaluate(
    images: Float32Array,
    labels: Float32Array,
    count: number,
  ): Promise<{ readonly loss: number; readonly logits: Float32Array }>;
}

export interface EvaluateOptions {
  /** Called, and waited for, after each batch with the images done so far. */
  readonly onProgress?: (images: number) => void | Promise<void>;
  /** Stops between batches: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Metrics of `classifier` over all of `batches`. */
export async function evaluate(
  classifier: Classifier,
  batches: AsyncIterable<Batch>,
  { onProgress, signal }: EvaluateOptions = {},
): Promise<Metrics> {
  const accumulator = new MetricsAccumulator(classifier.classes);
  let images = 0;
  for await (const batch of batches) {
    signal?.throwIfAborted();
    const { loss, logits } = await classifier.evaluate(batch.images, batch.labels, batch.count);
    accumulator.add(logits, batch.labels, batch.count, loss);
    images += batch.count;
    await onProgress?.(images);
  }
  return accumulator.result();
}
