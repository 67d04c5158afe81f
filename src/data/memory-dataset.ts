/** A set whose pixels all lie in memory, as MNIST's and CIFAR's do. */

import { DatasetError } from "../tensor/errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Normalization } from "./normalization.ts";
import type { DatasetFacts, MemorySource, SourcedDataset } from "./source.ts";

export class MemoryDataset implements SourcedDataset {
  readonly name: string;
  readonly split: string;
  readonly classes: readonly string[];
  readonly imageShape: readonly [h: number, w: number, c: number];
  readonly length: number;
  readonly fingerprint: string;
  readonly normalization: Normalization;
  readonly source: MemorySource;
  readonly #size: number;

  constructor(source: MemorySource) {
    const { facts, pixels, labels } = source;
    const [h, w, c] = facts.imageShape;
    this.name = facts.name;
    this.split = facts.split;
    this.classes = facts.classes;
    this.imageShape = facts.imageShape;
    this.fingerprint = facts.fingerprint;
    this.normalization = facts.normalization;
    this.length = labels.length;
    this.source = source;
    this.#size = h * w * c;
    if (pixels.length !== labels.length * this.#size) {
      throw new DatasetError(
        `${facts.name}: ${pixels.length} bytes of pixels do not make ${labels.length} images of [${facts.imageShape}].`,
        { bytes: pixels.length, images: labels.length, imageShape: facts.imageShape },
      );
    }
  }

  label(index: number): number {
    return this.source.labels[index];
  }

  read(index: number, target: Uint8Array): void {
    const start = this.#size * index;
    target.set(this.source.pixels.subarray(start, start + this.#size));
  }
}

/**
 * Makes a set of pixels [n, h, w, c] and labels [n]; the fingerprint is that of its bytes.
 *
 * Throws a DatasetError when a label is not an index into `classes`, naming the image.
 */
export function memoryDataset(
  facts: Omit<DatasetFacts, "fingerprint">,
  pixels: Uint8Array,
  labels: ArrayLike<number>,
): MemoryDataset {
  const { name, split, classes, imageShape } = facts;
  for (let i = 0; i < labels.length; i++) {
    if (!(Number.isInteger(labels[i]) && labels[i] >= 0 && labels[i] < classes.length)) {
      throw new DatasetError(
        `${name}, ${split}: image ${i} has label ${labels[i]}, but there are ${classes.length} classes.`,
        { name, split, index: i, label: labels[i], classes: classes.length },
      );
    }
  }
  const classOf = Uint16Array.from(labels);
  const fingerprint = fingerprintOf(imageShape.join("x"), pixels, new Uint8Array(classOf.buffer));
  return new MemoryDataset({ kind: "memory", facts: { ...facts, fingerprint }, pixels, labels: classOf });
}
