/** A set of picture files that are decoded when they are read. */

import type { DatasetFacts, FolderSource, SourcedDataset } from "../source.ts";
import { decodeImage } from "./decode-image.ts";

export class FolderDataset implements SourcedDataset {
  readonly name: string;
  readonly split: string;
  readonly classes: readonly string[];
  readonly imageShape: readonly [h: number, w: number, c: number];
  readonly length: number;
  readonly fingerprint: string;
  readonly normalization: DatasetFacts["normalization"];
  readonly source: FolderSource;

  constructor(source: FolderSource) {
    const { facts } = source;
    this.name = facts.name;
    this.split = facts.split;
    this.classes = facts.classes;
    this.imageShape = facts.imageShape;
    this.fingerprint = facts.fingerprint;
    this.normalization = facts.normalization;
    this.length = source.labels.length;
    this.source = source;
  }

  /** File of image `index`. */
  path(index: number): string {
    return this.source.paths[index];
  }

  label(index: number): number {
    return this.source.labels[index];
  }

  async read(index: number, target: Uint8Array): Promise<void> {
    const [height, width, channels] = this.imageShape;
    const { fit, cropFraction } = this.source;
    target.set(await decodeImage(this.path(index), { height, width, channels, fit, cropFraction }));
  }
}
