/** Opens data sets in Node: those that have a name, and folders. */

import { basename, join, resolve } from "node:path";
import { DatasetError } from "../../tensor/errors.ts";
import type { Dataset } from "../dataset.ts";
import { DigitsDataset } from "../digits.ts";
import type { SplitName } from "../image-layout.ts";
import { measureNormalization } from "../measure.ts";
import { datasetNames, type NamedSet, namedSets } from "../named.ts";
import { cacheFolder } from "./cache-folder.ts";
import { type DownloadProgress, downloadFiles } from "./download.ts";
import { isFolder } from "./files.ts";
import { type FoundForm, findForm, type IdxForm, openForm, partsOf, readIdxPair } from "./open-files.ts";
import { type ImageFolderOptions, layoutOf, openImageFolder } from "./open-folder.ts";

export interface OpenDatasetOptions extends ImageFolderOptions {
  /** Folder that holds the files of a named set, looked into before the cache. Its files are taken as they are. */
  readonly dataDir?: string;
  /** Seed of the drawings of `digits`, which is not the seed of a run. Default 0. */
  readonly seed?: number;
  /** Whether missing files of a named set are downloaded. Default true. */
  readonly download?: boolean;
  /** Told of every piece of a download. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Folder of downloads. Default: `cacheFolder()`. */
  readonly cacheDir?: string;
}

/**
 * Opens the data set of this name (`datasetNames`), or the folder of this path: pictures by class, IDX files, or CIFAR's files.
 *
 * Files of a named set are looked for in `dataDir`, then in the cache, then downloaded. Throws a DatasetError that says what is
 * missing and where to get it.
 */
export async function openDataset(nameOrFolder: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  const { split = "train", seed = 0 } = options;
  if (nameOrFolder === "digits") {
    return new DigitsDataset({ split: trainOrTest("digits", split), seed });
  }
  const set = namedSets.find(({ name }) => name === nameOrFolder);
  if (set) return openNamed(set, options);
  return openFolder(nameOrFolder, options);
}

/** The parts that a set has. Throws as `openDataset` does when there is no such set. */
export async function availableSplits(nameOrFolder: string): Promise<readonly SplitName[]> {
  if (datasetNames.includes(nameOrFolder)) return ["train", "test"];
  await requireSet(nameOrFolder);
  const known = await knownForm(nameOrFolder);
  return known ? partsOf(known.found) : (await layoutOf(nameOrFolder)).layout.splits;
}

async function openNamed(set: NamedSet, options: OpenDatasetOptions): Promise<Dataset> {
  const { dataDir, onProgress, download = true, cacheDir = cacheFolder() } = options;
  const split = trainOrTest(set.name, options.split ?? "train");
  const cache = join(cacheDir, set.name);
  if (dataDir !== undefined && !(await isFolder(dataDir))) {
    throw new DatasetError(`${dataDir}: there is no such folder to take ${set.name} from.`, {
      folder: dataDir,
    });
  }
  const folders = [...(dataDir === undefined ? [] : [dataDir, join(dataDir, set.name)]), cache];
  for (const folder of folders) {
    const found = await findForm(set.forms, folder);
    // In the cache a part may be missing that was never asked for; a user's folder is taken at its word.
    if (found && (folder !== cache || (await partsOf(found)).includes(split)))
      return openForm(set, found, split);
  }
  const files = set.files.filter(({ splits }) => splits.includes(split));
  const searched = folders.slice(0, -1);
  await downloadFiles(set.name, files, cache, {
    searched,
    isAllowed: download,
    ...(onProgress && { onProgress }),
  });
  const found = await findForm(set.forms, cache);
  if (!found)
    throw new DatasetError(`${cache}: does not hold ${set.name} after its download.`, { folder: cache });
  return openForm(set, found, split);
}

async function openFolder(folder: string, options: OpenDatasetOptions): Promise<Dataset> {
  await requireSet(folder);
  const known = await knownForm(folder);
  if (!known) return openImageFolder(folder, options);
  const name = basename(resolve(folder));
  const split = trainOrTest(folder, options.split ?? "train");
  if (known.found.form.kind === "idx") return openIdxFolder(known.found.form, folder, name, split, options);
  return openForm({ ...known.set, name }, known.found, split);
}

/** IDX files of any set: its shape, classes and normalisation come from its training part. */
async function openIdxFolder(
  form: IdxForm,
  folder: string,
  name: string,
  split: "train" | "test",
  options: OpenDatasetOptions,
): Promise<Dataset> {
  const train = await readIdxPair(form, folder, "train");
  const { height, width, pixels } = train.images;
  const imageShape = [height, width, 1] as const;
  const size = height * width;
  const read = (index: number, target: Uint8Array) =>
    target.set(pixels.subarray(index * size, (index + 1) * size));
  const normalization =
    options.normalization ?? (await measureNormalization({ imageShape, length: train.images.count, read }));
  const classCount = 1 + train.labels.reduce((most, label) => Math.max(most, label), 0);
  const classes = Array.from({ length: classCount }, (_, label) => `${label}`);
  return openForm({ name, classes, imageShape, normalization }, { form, folder }, split);
}

/** The published form in which a folder holds a set, if it does. */
async function knownForm(folder: string): Promise<{ set: NamedSet; found: FoundForm } | undefined> {
  for (const set of namedSets) {
    const found = await findForm(set.forms, folder);
    if (found) return { set, found };
  }
  return undefined;
}

async function requireSet(nameOrFolder: string): Promise<void> {
  if (await isFolder(nameOrFolder)) return;
  throw new DatasetError(
    `There is no data set and no folder "${nameOrFolder}". The names are ${datasetNames.join(", ")}; a folder holds pictures as class/picture.jpg or train/class/picture.jpg.`,
    { name: nameOrFolder },
  );
}

function trainOrTest(name: string, split: SplitName): "train" | "test" {
  if (split !== "validation") return split;
  throw new DatasetError(`${name}: has the parts train and test; hold a validation part out of train.`, {
    name,
    split,
  });
}
