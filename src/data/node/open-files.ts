/** Opens a set whose files lie in a folder in one of its published forms: IDX, CIFAR's records or pickles, or their archives. */

import { join } from "node:path";
import { DatasetError } from "../../tensor/errors.ts";
import { type CifarImages, type NamedBytes, readCifarRecords } from "../cifar.ts";
import { readCifarPickles } from "../cifar-pickle.ts";
import type { Dataset } from "../dataset.ts";
import { gunzipChunks } from "../gunzip.ts";
import { inflateIdx, readIdxImages, readIdxLabels } from "../idx.ts";
import { memoryDataset } from "../memory-dataset.ts";
import type { FileForm, NamedSet } from "../named.ts";
import { toShared } from "../shared-bytes.ts";
import { readTar } from "../tar.ts";
import { findFile, isFile, readBounded } from "./files.ts";

export type IdxForm = Extract<FileForm, { kind: "idx" }>;
type CifarForm = Exclude<FileForm, IdxForm>;

/** A form of which a folder holds something, and where. */
export interface FoundForm {
  readonly form: FileForm;
  /** Files of the form, or one archive. */
  readonly folder: string;
  readonly archive?: string;
}

/** Largest batch of CIFAR: CIFAR-100's training pickle has 155 MB. */
const mostCifarBytes = 400e6;

/** The first of a set's forms that `folder` (or the form's own folder within) holds any file of. */
export async function findForm(forms: readonly FileForm[], folder: string): Promise<FoundForm | undefined> {
  for (const form of forms) {
    const places = form.kind === "idx" ? [folder] : [folder, join(folder, form.folder)];
    const names = [...form.train, ...form.test].flatMap((name) =>
      form.kind === "idx" ? idxNames(name) : [name],
    );
    for (const place of places) {
      if (await findFile(place, names)) return { form, folder: place };
    }
    if (form.kind !== "idx" && (await isFile(join(folder, form.archive)))) {
      return { form, folder, archive: join(folder, form.archive) };
    }
  }
  return undefined;
}

/** The parts of which the found folder holds all files. */
export async function partsOf({ form, folder, archive }: FoundForm): Promise<readonly ("train" | "test")[]> {
  if (archive) return ["train", "test"];
  const holds = async (names: readonly string[]) => {
    const paths = await Promise.all(
      names.map((name) => findFile(folder, form.kind === "idx" ? idxNames(name) : [name])),
    );
    return paths.every((path) => path !== undefined);
  };
  const parts = ["train", "test"] as const;
  const held = await Promise.all(parts.map((part) => holds(form[part])));
  return parts.filter((_, i) => held[i]);
}

/** Opens the images of a split. Throws a DatasetError when a file is missing or damaged. */
export async function openForm(
  set: Pick<NamedSet, "name" | "classes" | "imageShape" | "normalization">,
  found: FoundForm,
  split: "train" | "test",
): Promise<Dataset> {
  const { form } = found;
  const facts = {
    name: set.name,
    split,
    classes: set.classes,
    imageShape: set.imageShape,
    normalization: set.normalization,
  };
  if (form.kind === "idx") {
    const { images, labels } = await readIdxPair(form, found.folder, split);
    const { height, width, pixels } = images;
    const [h, w] = set.imageShape;
    if (height !== h || width !== w) {
      throw new DatasetError(
        `${found.folder}: the images are ${height}×${width}, but those of ${set.name} are ${h}×${w}.`,
        { file: found.folder, height, width },
      );
    }
    return memoryDataset(facts, toShared(pixels), labels);
  }
  const { pixels, labels } = await readCifar(form, found, split, set.classes.length === 100 ? 100 : 10);
  return memoryDataset(facts, pixels, labels);
}

/** Images and labels of a split in IDX, plain or gzipped. */
export async function readIdxPair(form: IdxForm, folder: string, split: "train" | "test") {
  const [imagesFile, labelsFile] = await Promise.all(
    form[split].map(async (name) => {
      const path = await findFile(folder, idxNames(name));
      if (!path) {
        throw new DatasetError(`${folder}: has no ${name}.gz and no ${name}.`, { folder, file: name });
      }
      return path;
    }),
  );
  const imageBytes = await inflateIdx(await readBounded(imagesFile), "images", imagesFile);
  const images = readIdxImages(imageBytes, imagesFile);
  const labelBytes = await inflateIdx(await readBounded(labelsFile), "labels", labelsFile);
  const labels = readIdxLabels(labelBytes, labelsFile);
  if (images.count !== labels.length) {
    throw new DatasetError(
      `${labelsFile}: has ${labels.length} labels, but ${imagesFile} has ${images.count} images.`,
      { file: labelsFile, labels: labels.length, images: images.count },
    );
  }
  return { images, labels };
}

/** Names under which an IDX file lies: plain or gzipped, and with the dot that some unpackers put. */
function idxNames(name: string): string[] {
  const dotted = name.replace("-idx", ".idx");
  return [`${name}.gz`, name, `${dotted}.gz`, dotted];
}

async function readCifar(
  form: CifarForm,
  found: FoundForm,
  split: "train" | "test",
  classes: 10 | 100,
): Promise<CifarImages> {
  const files = found.archive
    ? await membersOf(
        found.archive,
        form[split].map((name) => `${form.folder}/${name}`),
      )
    : await filesOf(form[split].map((name) => join(found.folder, name)));
  return form.kind === "records" ? readCifarRecords(files, classes) : readCifarPickles(files, classes);
}

/** One after the other, so that of several that are missing the first is named. */
async function filesOf(paths: readonly string[]): Promise<NamedBytes[]> {
  const files: NamedBytes[] = [];
  for (const file of paths) files.push({ file, bytes: await readBounded(file, mostCifarBytes) });
  return files;
}

async function membersOf(archive: string, names: readonly string[]): Promise<NamedBytes[]> {
  const bytes = await readBounded(archive);
  const wants = (name: string) => names.includes(name);
  const found = new Map<string, NamedBytes>();
  for await (const member of readTar(gunzipChunks(bytes, archive), {
    file: archive,
    wants,
    mostBytes: mostCifarBytes,
  })) {
    found.set(member.name, { file: `${archive}: ${member.name}`, bytes: member.bytes });
  }
  return names.map((name) => {
    const member = found.get(name);
    if (!member) throw new DatasetError(`${archive}: holds no ${name}.`, { file: archive, member: name });
    return member;
  });
}
