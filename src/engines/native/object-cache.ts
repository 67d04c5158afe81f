/**
 * Compiled objects by the hash of what they were made of, in a folder that belongs to the user alone: what lies there is run
 * as code. Objects come in by a rename, so that processes may share the folder, and each has its own hash beside it, so that
 * one that was damaged is made again.
 */

import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../tensor/errors.ts";

/** The folder that STRIATE_CACHE names, else the user's cache. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { STRIATE_CACHE, XDG_CACHE_HOME } = environment;
  if (STRIATE_CACHE !== undefined && STRIATE_CACHE !== "") return join(STRIATE_CACHE, "native");
  const caches = XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(caches, "striate", "native");
}

export class ObjectCache {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens the folder, and makes it where it is missing. Throws an EngineError where others could put code into it. */
  static async open(folder: string = cacheFolder()): Promise<ObjectCache> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const found = await lstat(folder);
      const uid = process.getuid?.();
      if (!found.isDirectory() || (uid !== undefined && found.uid !== uid))
        throw new EngineError(
          `${folder} is not a folder of this user, so its compiled kernels cannot be trusted. Remove it, or set STRIATE_CACHE.`,
          { folder },
        );
      if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      throw new EngineError(
        `compiled kernels cannot be kept in ${folder}: ${(cause as Error).message}. Set STRIATE_CACHE to a folder that can be written.`,
        { folder },
        { cause },
      );
    }
    return new ObjectCache(folder);
  }

  /** The file of an object with this key, made by `make` (which writes the file it is given) where it is not there whole. */
  async object(key: string, make: (file: string) => Promise<void>): Promise<string> {
    const file = join(this.folder, `${key}.so`);
    if (await isWhole(file)) return file;
    const made = join(this.folder, `.${key}-${process.pid}-${randomBytes(6).toString("hex")}`);
    try {
      await make(made);
      const digest = digestOf(await readFile(made));
      await writeFile(`${made}.sha256`, digest, { mode: 0o600 });
      await rename(`${made}.sha256`, `${file}.sha256`);
      await rename(made, file);
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      throw new EngineError(
        `a compiled kernel cannot be written to ${this.folder}: ${(cause as Error).message}. Set STRIATE_CACHE to a folder with room.`,
        { folder: this.folder },
        { cause },
      );
    } finally {
      await Promise.all([rm(made, { force: true }), rm(`${made}.sha256`, { force: true })]);
    }
    return file;
  }
}

async function isWhole(file: string): Promise<boolean> {
  try {
    const [object, digest] = await Promise.all([readFile(file), readFile(`${file}.sha256`, "utf8")]);
    return digestOf(object) === digest;
  } catch {
    return false;
  }
}

export function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
