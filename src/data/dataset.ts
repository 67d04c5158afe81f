/** What the loader and the trainer need of a set of labelled images. */

import type { Normalization } from "./normalization.ts";

export interface Dataset {
  /** What the user called it: "mnist", "digits", or the folder. */
  readonly name: string;
  /** Which part: "train", "validation" or "test". */
  readonly split: string;
  /** Names of the classes; a label is an index into them. */
  readonly classes: readonly string[];
  /** Shape of every image, [h, w, c]. */
  readonly imageShape: readonly [h: number, w: number, c: number];
  /** Number of images. */
  readonly length: number;
  /** Hex digest that changes when the data does; a resumed run checks it. */
  readonly fingerprint: string;
  /** By the mean and standard deviation of each channel over the training images. */
  readonly normalization: Normalization;
  /** Class of image `index`. */
  label(index: number): number;
  /** Copies the pixels of image `index`, h·w·c bytes in order [h, w, c], to `target`. Throws a DatasetError naming the file when it cannot be read. */
  read(index: number, target: Uint8Array): void | Promise<void>;
}

/** Images as the network takes them. */
export interface Batch {
  /** Normalised images [count, h, w, c]. */
  readonly images: Float32Array;
  /** Their classes, [count]. */
  readonly labels: Float32Array;
  readonly count: number;
  /** Indices into the dataset, [count]. */
  readonly indices: Uint32Array;
}
