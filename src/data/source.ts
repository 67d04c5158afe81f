/**
 * Where a set of images comes from, said in plain data: a worker thread opens the same set from it, and gets the bytes of
 * a set in memory without a copy where memory can be shared.
 */

import type { Dataset } from "./dataset.ts";

/** What is said of a set beside its images and labels. */
export type DatasetFacts = Pick<
  Dataset,
  "name" | "split" | "classes" | "imageShape" | "fingerprint" | "normalization"
>;

/** How a picture of any size becomes [h, w]: shorter side scaled and the centre kept, or both sides scaled. */
export type ImageFit = "crop" | "stretch";

export interface DigitsSource {
  readonly kind: "digits";
  readonly seed: number;
  readonly split: "train" | "test";
}

export interface MemorySource {
  readonly kind: "memory";
  readonly facts: DatasetFacts;
  /** Pixels of all images, [n, h, w, c]. */
  readonly pixels: Uint8Array;
  /** Class of each image, [n]. */
  readonly labels: Uint16Array;
}

export interface SubsetSource {
  readonly kind: "subset";
  readonly of: DatasetSource;
  readonly split: string;
  readonly indices: Uint32Array;
}

/** Picture files that Node reads. */
export interface FolderSource {
  readonly kind: "folder";
  readonly facts: DatasetFacts;
  readonly paths: readonly string[];
  readonly labels: Uint16Array;
  readonly fit: ImageFit;
  /** Share of the scaled picture that "crop" keeps. */
  readonly cropFraction: number;
}

/** Picture files that the user gave to a page. */
export interface BlobsSource {
  readonly kind: "blobs";
  readonly facts: DatasetFacts;
  readonly names: readonly string[];
  readonly blobs: readonly Blob[];
  readonly labels: Uint16Array;
  readonly fit: ImageFit;
}

export type DatasetSource = DigitsSource | MemorySource | SubsetSource | FolderSource | BlobsSource;

/** A set that can be opened again elsewhere. */
export interface SourcedDataset extends Dataset {
  readonly source: DatasetSource;
}

/** The source of a set, or nothing where a program made the set itself and only its own thread can read it. */
export function sourceOf(dataset: Dataset): DatasetSource | undefined {
  return "source" in dataset ? (dataset as SourcedDataset).source : undefined;
}
