/** Small questions to the file system, with errors that name the file. */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../../tensor/errors.ts";

/** Bytes of a file of at most `mostBytes`. Throws a DatasetError when it cannot be read or is larger. */
export async function readBounded(path: string, mostBytes = 2 ** 31 - 1): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > mostBytes) {
      throw new DatasetError(
        `${path}: has ${size.toLocaleString("en-US")} bytes, more than the ${mostBytes.toLocaleString("en-US")} that are read.`,
        { file: path, bytes: size },
      );
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(`${path}: cannot be read (${reason}).`, { file: path }, { cause });
  }
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The first of the files `names` that lies in `folder`. */
export async function findFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = join(folder, name);
    if (await isFile(path)) return path;
  }
  return undefined;
}

/** Folders are not followed deeper than this: a link that leads back must end somewhere. */
const deepest = 6;

/** Paths of all files under `folder`, relative to it, with slashes; hidden ones are left out. */
export async function listFiles(folder: string, prefix = "", depth = 0): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(
      `${join(folder, prefix)}: cannot be listed (${reason}).`,
      { file: folder },
      { cause },
    );
  });
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = prefix ? `${prefix}/${entry.name}` : entry.name;
    const isLink = entry.isSymbolicLink();
    if (entry.isDirectory() || (isLink && (await isFolder(join(folder, path))))) {
      if (depth < deepest) found.push(...(await listFiles(folder, path, depth + 1)));
    } else if (entry.isFile() || isLink) {
      found.push(path);
    }
  }
  return found;
}
