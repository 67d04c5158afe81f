/** The Node half of the formats: files that are replaced whole or not at all. */

import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../tensor/index.ts";
import type { RunStore } from "./store.ts";

/**
 * Writes `bytes` to a neighbour of `path`, forces them to the disk and renames: a reader, and the next start after a
 * crash or a power cut, finds the old file or the new one. Folders that are missing are made.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  // One fixed name: what a killed process left is overwritten by the next, and never piles up.
  const temporary = join(folder, `.${basename(path)}.partial`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, "w");
    try {
      await writeAll(file, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw new CheckpointError(
      `${path}: cannot be written: ${reasonOf(error)}.`,
      { file: path },
      { cause: error },
    );
  }
}

/** The bytes of `path`. Throws a CheckpointError naming it when there is no such file or it cannot be read. */
export async function readFileBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readIfThere(path);
  if (!bytes) throw new CheckpointError(`${path}: there is no such file.`, { file: path });
  return bytes;
}

/** The files of a run as files of `folder`, which is made with the first of them. */
export function folderStore(folder: string): RunStore {
  const locate = (name: string) => join(folder, name);
  return {
    locate,
    read: (name) => readIfThere(locate(name)),
    write: (name, bytes) => writeFileAtomic(locate(name), bytes),
    async append(name, text) {
      const path = locate(name);
      try {
        await mkdir(folder, { recursive: true });
        const file = await open(path, "a");
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
      } catch (error) {
        throw new CheckpointError(
          `${path}: cannot be written: ${reasonOf(error)}.`,
          { file: path },
          { cause: error },
        );
      }
    },
  };
}

async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY);
    try {
      const { size } = await file.stat();
      const bytes = new Uint8Array(size);
      // Read in pieces: one call to the system takes at most 2 GiB.
      for (let at = 0; at < size; ) {
        const { bytesRead } = await file.read(bytes, at, Math.min(size - at, pieceBytes), at);
        if (bytesRead === 0) return bytes.slice(0, at); // cut while it was read: the format's checks will say so
        at += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CheckpointError(
      `${path}: cannot be read: ${reasonOf(error)}.`,
      { file: path },
      { cause: error },
    );
  }
}

const pieceBytes = 1 << 30;

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(bytes.length - at, pieceBytes), at);
    at += bytesWritten;
  }
}

/** The name of a file is data of its folder: without this a power cut may undo the rename. Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** "ENOSPC: no space left on device, write": what the system said, without the stack. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
