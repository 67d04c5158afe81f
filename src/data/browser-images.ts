/** Picture files that the user gives to a page, decoded by the browser. */

import { DatasetError } from "../tensor/errors.ts";
import type { Dataset } from "./dataset.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { arrangeFolder, isPictureName } from "./image-layout.ts";
import { measureNormalization } from "./measure.ts";
import type { BlobsSource, ImageFit, SourcedDataset } from "./source.ts";

export interface ImageFilesOptions {
  /** What the set is called. Default: the folder that was chosen. */
  readonly name?: string;
  /** Shape of every image, [h, w, c] with 1 or 3 channels. */
  readonly imageShape: readonly [h: number, w: number, c: number];
  /** Which part. Default "train". */
  readonly split?: "train" | "validation" | "test";
  /** How pictures of another shape are made to fit. Default "crop". */
  readonly fit?: ImageFit;
  /** Mean and standard deviation of each channel. Default: measured over a sample of the training images. */
  readonly normalization?: Dataset["normalization"];
}

/**
 * A set of the files of `<input type="file" webkitdirectory>`: class by folder, as `openDataset` reads folders in Node.
 *
 * Throws a DatasetError when the files are not laid out as an image folder.
 */
export async function imageFilesDataset(
  files: readonly File[],
  options: ImageFilesOptions,
): Promise<SourcedDataset> {
  const { imageShape, split = "train", fit = "crop" } = options;
  const pictures = files.filter((file) => isPictureName(file.name));
  const pathOf = (file: File) => file.webkitRelativePath || file.name;
  const name = options.name ?? pathOf(pictures[0] ?? new File([], "pictures")).split("/")[0];
  // Without the chosen folder's own name: class/file or split/class/file.
  const paths = pictures.map((file) => pathOf(file).split("/").slice(1).join("/"));
  const layout = arrangeFolder(paths, name);
  const part = (wanted: "train" | "validation" | "test", normalization: Dataset["normalization"]) => {
    const chosen = layout.part(wanted);
    const blobs = chosen.places.map((place) => pictures[place]);
    const names = blobs.map(pathOf);
    const sizes = blobs.map((blob) => blob.size).join();
    const fingerprint = fingerprintOf(names.join("\n"), sizes, imageShape.join(), fit);
    const facts = { name, split: wanted, classes: layout.classes, imageShape, fingerprint, normalization };
    return openBlobs({ kind: "blobs", facts, names, blobs, labels: chosen.labels, fit });
  };
  const nothing = { mean: [], std: [] };
  const normalization = options.normalization ?? (await measureNormalization(part("train", nothing)));
  return part(split, normalization);
}

/** Opens the set that `source` describes, on the page or in its worker. */
export function openBlobs(source: BlobsSource): SourcedDataset {
  const { facts, blobs, names, labels, fit } = source;
  return {
    ...facts,
    source,
    length: labels.length,
    label: (index) => labels[index],
    read: async (index, target) => {
      target.set(await decodeBlob(blobs[index], { name: names[index], imageShape: facts.imageShape, fit }));
    },
  };
}

interface DecodeBlobOptions {
  /** Name of the file, for errors. */
  readonly name: string;
  readonly imageShape: readonly [h: number, w: number, c: number];
  /** Default "crop". */
  readonly fit?: ImageFit;
}

/** Decodes a picture to bytes [h, w, c]; what is transparent becomes black. Throws a DatasetError that names the file. */
export async function decodeBlob(blob: Blob, options: DecodeBlobOptions): Promise<Uint8Array> {
  const {
    name,
    imageShape: [h, w, c],
    fit = "crop",
  } = options;
  const bitmap = await createImageBitmap(blob).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(`${name}: cannot be decoded as a picture (${reason}).`, { file: name }, { cause });
  });
  const context = new OffscreenCanvas(w, h).getContext("2d", { willReadFrequently: true });
  if (!context)
    throw new DatasetError(`${name}: this browser gives no canvas to decode it with.`, { file: name });
  context.fillRect(0, 0, w, h);
  context.imageSmoothingQuality = "high";
  // The part of the picture that is shown: all of it, or its middle in the shape of the image.
  const scale = Math.min(bitmap.width / w, bitmap.height / h);
  const partW = fit === "crop" ? scale * w : bitmap.width;
  const partH = fit === "crop" ? scale * h : bitmap.height;
  const left = (bitmap.width - partW) / 2;
  const top = (bitmap.height - partH) / 2;
  context.drawImage(bitmap, left, top, partW, partH, 0, 0, w, h);
  bitmap.close();
  const { data } = context.getImageData(0, 0, w, h);
  const pixels = new Uint8Array(h * w * c);
  for (let i = 0; i < h * w; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (c === 3) pixels.set([r, g, b], 3 * i);
    // Luma of ITU-R BT.601, as image libraries turn colour to grey.
    else pixels[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  return pixels;
}
