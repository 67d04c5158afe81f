/**
 * How well logits name the class: top-1, top-5, mean loss, confusion matrix and accuracy of each class, gathered batch
 * by batch.
 *
 * Top-5 is the measure of the ImageNet challenge: Russakovsky et al., "ImageNet Large Scale Visual Recognition
 * Challenge", 2015, arXiv:1409.0575, section 4. Fractions are of 1, not percent.
 */

export interface Metrics {
  readonly images: number;
  /** Fraction whose greatest logit is the label's. */
  readonly top1: number;
  /** Fraction whose label is among the greatest min(5, classes) logits. */
  readonly top5: number;
  /** Mean over the images of the losses given with the batches. */
  readonly loss: number;
  /** Fraction of each class that was named right; null for a class without images. */
  readonly perClass: readonly (number | null)[];
  /** confusion[label][named]: how many images of a class were taken for which. */
  readonly confusion: readonly (readonly number[])[];
  /** Images with a logit that is not a number: they count as wrong, and are in no cell of `confusion`. */
  readonly notNumbers: number;
}

/** Gathers the metrics of batches of one evaluation. */
export class MetricsAccumulator {
  readonly classes: number;
  #images = 0;
  #lossSum = 0;
  #top1 = 0;
  #top5 = 0;
  #notNumbers = 0;
  readonly #confusion: Uint32Array;
  readonly #imagesOfClass: Uint32Array;

  constructor(classes: number) {
    this.classes = classes;
    this.#confusion = new Uint32Array(classes * classes);
    this.#imagesOfClass = new Uint32Array(classes);
  }

  /** Adds a batch: logits [count, classes], labels [count], and the mean loss over the batch. */
  add(logits: Float32Array, labels: Float32Array, count: number, loss: number): void {
    this.#images += count;
    // Batches differ in size, the last one mostly: a mean of means would weigh its images more.
    this.#lossSum += loss * count;
    for (let n = 0; n < count; n++) {
      const label = labels[n];
      const row = logits.subarray(n * this.classes, (n + 1) * this.classes);
      this.#imagesOfClass[label]++;
      const named = indexOfGreatest(row);
      if (named === undefined) {
        this.#notNumbers++;
        continue;
      }
      this.#confusion[label * this.classes + named]++;
      const rank = rankOf(row, label);
      if (rank < 1) this.#top1++;
      // The label is always among all classes: with five or fewer, k = classes says nothing but is well defined.
      if (rank < Math.min(5, this.classes)) this.#top5++;
    }
  }

  /** The metrics so far; fractions and loss are NaN while there is no image. */
  result(): Metrics {
    const { classes } = this;
    const confusion = Array.from({ length: classes }, (_, label) =>
      Array.from(this.#confusion.subarray(label * classes, (label + 1) * classes)),
    );
    return {
      images: this.#images,
      top1: this.#top1 / this.#images,
      top5: this.#top5 / this.#images,
      loss: this.#lossSum / this.#images,
      perClass: confusion.map((row, label) => {
        const images = this.#imagesOfClass[label];
        return images === 0 ? null : row[label] / images;
      }),
      confusion,
      notNumbers: this.#notNumbers,
    };
  }
}

/** Index of the greatest value, the first of equals; undefined when any is NaN. */
function indexOfGreatest(row: Float32Array): number | undefined {
  let best = 0;
  for (let k = 0; k < row.length; k++) {
    if (Number.isNaN(row[k])) return undefined;
    if (row[k] > row[best]) best = k;
  }
  return best;
}

/**
 * How many classes come before `label` when the logits fall: those greater, and those equal with a lower index. PyTorch's
 * topk leaves the order of equals open; the first index is also what an argmax gives.
 */
function rankOf(row: Float32Array, label: number): number {
  let rank = 0;
  for (let k = 0; k < row.length; k++)
    if (row[k] > row[label] || (row[k] === row[label] && k < label)) rank++;
  return rank;
}
