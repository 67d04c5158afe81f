/** Parts of a set: chosen images, the first few, or a part held out of training to validate with. */

import { OptionError } from "../tensor/errors.ts";
import { keyOf, permutation } from "../tensor/random.ts";
import type { Dataset } from "./dataset.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Normalization } from "./normalization.ts";
import { type DatasetSource, sourceOf } from "./source.ts";

/** The images `indices` of a set, in that order. */
export class SubsetDataset implements Dataset {
  readonly name: string;
  readonly split: string;
  readonly classes: readonly string[];
  readonly imageShape: readonly [h: number, w: number, c: number];
  readonly length: number;
  readonly fingerprint: string;
  readonly normalization: Normalization;
  /** Present when the whole has one. */
  readonly source?: DatasetSource;
  readonly #whole: Dataset;
  readonly #indices: Uint32Array;

  constructor(whole: Dataset, indices: Uint32Array, split: string) {
    this.name = whole.name;
    this.split = split;
    this.classes = whole.classes;
    this.imageShape = whole.imageShape;
    this.normalization = whole.normalization;
    this.length = indices.length;
    this.#whole = whole;
    this.#indices = indices;
    const bytes = new Uint8Array(indices.buffer, indices.byteOffset, indices.byteLength);
    this.fingerprint = fingerprintOf(whole.fingerprint, bytes);
    const source = sourceOf(whole);
    if (source) this.source = { kind: "subset", of: source, split, indices };
  }

  label(index: number): number {
    return this.#whole.label(this.#indices[index]);
  }

  read(index: number, target: Uint8Array): void | Promise<void> {
    return this.#whole.read(this.#indices[index], target);
  }
}

export interface SubsetOptions {
  /** What the part is called. Default: as the whole. */
  readonly split?: string;
}

/** The images `indices` of a set, in that order. Throws an OptionError for an index outside it. */
export function subset(
  dataset: Dataset,
  indices: ArrayLike<number>,
  { split = dataset.split }: SubsetOptions = {},
): Dataset {
  for (let i = 0; i < indices.length; i++) {
    if (!(Number.isInteger(indices[i]) && indices[i] >= 0 && indices[i] < dataset.length)) {
      throw new OptionError(
        `subset of ${dataset.name}: index ${indices[i]} is not one of its ${dataset.length} images.`,
        { index: indices[i], length: dataset.length },
      );
    }
  }
  return new SubsetDataset(dataset, Uint32Array.from(indices), split);
}

/** The first `count` images of a set, or all when it has fewer. */
export function limit(dataset: Dataset, count: number): Dataset {
  if (!Number.isInteger(count) || count < 1) {
    throw new OptionError(
      `limit of ${dataset.name}: takes a whole number of images from 1 on, not ${count}.`,
      {
        count,
      },
    );
  }
  if (count >= dataset.length) return dataset;
  return new SubsetDataset(dataset, range(0, count), dataset.split);
}

export interface HoldOutOptions {
  /** Seed of the choice. Default: no choice, the last images are held out. */
  readonly seed?: number;
}

/** A set in two parts that share no image. */
export interface HeldOut {
  readonly train: Dataset;
  readonly validation: Dataset;
}

/**
 * Holds a part out of a set to validate with: `amount` below 1 is a fraction of the images, from 1 on their number.
 *
 * The order within both parts is that of the set; the same seed makes the same parts.
 */
export function holdOut(dataset: Dataset, amount: number, { seed }: HoldOutOptions = {}): HeldOut {
  const count = amount < 1 ? Math.max(1, Math.round(amount * dataset.length)) : amount;
  if (!(amount > 0) || !Number.isInteger(count) || count >= dataset.length) {
    throw new OptionError(
      `holdOut of ${dataset.name}: takes a fraction between 0 and 1 or a whole number below its ${dataset.length} images, not ${amount}.`,
      { amount, length: dataset.length },
    );
  }
  const order =
    seed === undefined ? range(0, dataset.length) : permutation(dataset.length, keyOf(seed, 0x56414c));
  const kept = dataset.length - count;
  return {
    train: new SubsetDataset(dataset, order.slice(0, kept).sort(), "train"),
    validation: new SubsetDataset(dataset, order.slice(kept).sort(), "validation"),
  };
}

function range(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to - from }, (_, i) => from + i);
}
