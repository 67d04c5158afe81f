/** Opens a folder of pictures by class. */

import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { DatasetError } from "../../tensor/errors.ts";
import type { Dataset } from "../dataset.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { arrangeFolder, type FolderLayout, isPictureName, type SplitName } from "../image-layout.ts";
import { measureNormalization } from "../measure.ts";
import type { ImageFit, SourcedDataset } from "../source.ts";
import { listFiles } from "./files.ts";
import { FolderDataset } from "./folder-dataset.ts";

export interface ImageFolderOptions {
  /** Which part. Default "train". */
  readonly split?: SplitName;
  /** Shape of every image, [h, w, c] with 1 or 3 channels. Default [224, 224, 3]. */
  readonly imageShape?: readonly [h: number, w: number, c: number];
  /** "crop" scales the shorter side and keeps the centre, "stretch" scales both sides. Default "crop". */
  readonly fit?: ImageFit;
  /** Share of the scaled picture's sides that "crop" keeps; 0.875 is the protocol of ImageNet (256 → 224). Default 1. */
  readonly cropFraction?: number;
  /** Mean and standard deviation of each channel. Default: measured over 256 training images. */
  readonly normalization?: Dataset["normalization"];
}

/** Files whose size goes into the fingerprint: asking for all would take long for a million. */
const sized = 4096;

export async function layoutOf(root: string): Promise<{ layout: FolderLayout; paths: readonly string[] }> {
  const files = await listFiles(root);
  const paths = files.filter((path) => isPictureName(basename(path)));
  return { layout: arrangeFolder(paths, root), paths };
}

/** Opens `root/class/picture` or `root/split/class/picture`. Throws a DatasetError when the part is not there. */
export async function openImageFolder(
  root: string,
  options: ImageFolderOptions = {},
): Promise<SourcedDataset> {
  const { split = "train", imageShape = [224, 224, 3], fit = "crop", cropFraction = 1 } = options;
  const { layout, paths } = await layoutOf(root);
  if (!layout.splits.includes(split)) {
    throw new DatasetError(
      `${root}: has no part "${split}", only ${layout.splits.join(", ")}. A part can be held out of train.`,
      { folder: root, split, splits: layout.splits },
    );
  }
  const part = async (wanted: SplitName, normalization: Dataset["normalization"]) => {
    const { places, labels } = layout.part(wanted);
    const relative = places.map((place) => paths[place]);
    const step = Math.ceil(relative.length / sized);
    const sizes = await Promise.all(
      relative.filter((_, i) => i % step === 0).map(async (path) => (await stat(join(root, path))).size),
    );
    const fingerprint = fingerprintOf(
      relative.join("\n"),
      sizes.join(),
      imageShape.join(),
      fit,
      cropFraction,
    );
    const name = basename(resolve(root));
    const facts = { name, split: wanted, classes: layout.classes, imageShape, fingerprint, normalization };
    const files = relative.map((path) => join(root, path));
    return new FolderDataset({ kind: "folder", facts, paths: files, labels, fit, cropFraction });
  };
  // All parts are normalised as the training part is.
  const nothing = { mean: [], std: [] };
  const normalization = options.normalization ?? (await measureNormalization(await part("train", nothing)));
  return part(split, normalization);
}
