/** How an image folder is read: `class/picture`, or `train/class/picture` beside `val` and `test`. The class is the folder's name. */

import { DatasetError } from "../tensor/errors.ts";

export type SplitName = "train" | "validation" | "test";

/** Names that folders of splits have in the wild. */
const splitFolders: ReadonlyMap<string, SplitName> = new Map([
  ["train", "train"],
  ["training", "train"],
  ["val", "validation"],
  ["valid", "validation"],
  ["validation", "validation"],
  ["test", "test"],
  ["testing", "test"],
]);

/** Whether a file of this name is a picture of a kind that can be decoded. */
export function isPictureName(name: string): boolean {
  return /\.(png|jpe?g|webp|avif|gif|tiff?)$/i.test(name) && !name.startsWith(".");
}

export interface FolderLayout {
  /** Names of the classes in alphabetical order, those of the training part. */
  readonly classes: readonly string[];
  readonly splits: readonly SplitName[];
  /** Places in the given list of the pictures of a split, sorted by path, and their classes. */
  part(split: SplitName): { readonly places: readonly number[]; readonly labels: Uint16Array };
}

/**
 * Sorts paths (relative to the folder, with slashes) by split and class. `root` is the folder's name, for errors.
 *
 * Throws a DatasetError when there is no picture, a picture has no class, or a split has a class that training has not.
 */
export function arrangeFolder(paths: readonly string[], root: string): FolderLayout {
  const found = paths.map((path) => path.split("/"));
  // A folder "train" that holds pictures itself is a class: of vehicles, say.
  const hasSplits = found.some((parts) => parts.length > 2 && splitFolders.get(parts[0]) === "train");
  const pictures = found.map((parts, place) => {
    const split = hasSplits ? splitFolders.get(parts[0]) : "train";
    return {
      place,
      split,
      className: parts[hasSplits ? 1 : 0],
      hasClass: parts.length > (hasSplits ? 2 : 1),
    };
  });
  // Folders beside the splits (test pictures without classes, papers, previews) are not part of the set.
  const used = pictures.filter(({ split, hasClass }) => split !== undefined && hasClass);
  if (used.length === 0) {
    throw new DatasetError(
      `${root}: holds no pictures in folders of classes. It should hold class/picture.jpg or train/class/picture.jpg, in PNG, JPEG, WebP, AVIF, GIF or TIFF.`,
      { folder: root },
    );
  }
  const training = used.filter(({ split }) => split === "train");
  const classes = [...new Set(training.map(({ className }) => className))].sort();
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  for (const { className, split, place } of used) {
    if (!labelOf.has(className)) {
      throw new DatasetError(
        `${root}: ${paths[place]} is of class "${className}", which the training part does not have.`,
        { folder: root, file: paths[place], split, class: className },
      );
    }
  }
  const order: readonly SplitName[] = ["train", "validation", "test"];
  return {
    classes,
    splits: order.filter((split) => used.some((picture) => picture.split === split)),
    part: (split) => {
      const chosen = used.filter((picture) => picture.split === split);
      // Code units, not a language's order: the same on every machine.
      chosen.sort((a, b) => (paths[a.place] < paths[b.place] ? -1 : 1));
      return {
        places: chosen.map(({ place }) => place),
        labels: Uint16Array.from(chosen, ({ className }) => labelOf.get(className) ?? 0),
      };
    },
  };
}
