/** Runs a network over labelled images once, in inference form, and measures it. */

import type { Batch } from "../data/dataset.ts";
import type { Learner } from "../train/learner.ts";
import { type Metrics, MetricsAccumulator } from "./metrics.ts";

export interface EvaluateOptions {
  /** Called, and waited for, after each batch with the images done so far. */
  readonly onProgress?: (images: number) => void | Promise<void>;
  /** Stops between batches: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Metrics of `learner` over all of `batches`. */
export async function evaluate(
  learner: Learner,
  batches: AsyncIterable<Batch>,
  { onProgress, signal }: EvaluateOptions = {},
): Promise<Metrics> {
  const accumulator = new MetricsAccumulator(learner.classes);
  let images = 0;
  for await (const batch of batches) {
    signal?.throwIfAborted();
    const { loss, logits } = await learner.evaluate(batch.images, batch.labels, batch.count);
    accumulator.add(logits, batch.labels, batch.count, loss);
    images += batch.count;
    await onProgress?.(images);
  }
  return accumulator.result();
}
