/**
 * Compiled objects by the hash of what they were made of, in a folder that belongs to the user alone: what lies there is run
 * as code. Objects come in by a rename, so that processes may share the folder, and each has its own hash beside it, so that
 * one that was damaged is made again.
 */

import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CompileError } from "./compile-error.ts";

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder that STRIATE_CACHE names, else the user's cache. */
export function cacheFolder(environment: Environment = process.env): string {
  const { STRIATE_CACHE, XDG_CACHE_HOME } = environment;
  if (STRIATE_CACHE !== undefined && STRIATE_CACHE !== "") return join(STRIATE_CACHE, "native");
  const caches = XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(caches, "striate", "native");
}

/** After this, what has not got its name was left by a process that was killed. */
const unfinishedMs = 3_600_000;
const unfinished = /^\.[0-9a-f]{64}-/;

export class ObjectCache {
  readonly folder: string;

  private readonly uid: number | undefined;

  private constructor(folder: string, uid: number | undefined) {
    this.folder = folder;
    this.uid = uid;
  }

  /** Opens the folder, and makes it where it is missing. Throws a CompileError where others could put code into it. */
  static async open(
    folder: string = cacheFolder(),
    uid: number | undefined = process.getuid?.(),
    nowMs: () => number = Date.now,
  ): Promise<ObjectCache> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const found = await lstat(folder);
      if (!found.isDirectory() || (uid !== undefined && found.uid !== uid))
        throw new CompileError(
          `${folder} is not a folder of this user, so its compiled kernels cannot be trusted. Remove it, or set STRIATE_CACHE.`,
          { folder },
        );
      // What others have put there belongs to them, and is not taken.
      if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
      await sweep(folder, nowMs() - unfinishedMs);
    } catch (cause) {
      if (cause instanceof CompileError) throw cause;
      throw new CompileError(
        `compiled kernels cannot be kept in ${folder}: ${(cause as Error).message}. Set STRIATE_CACHE to a folder that can be written.`,
        { folder },
        { cause },
      );
    }
    return new ObjectCache(folder, uid);
  }

  /** The file of an object with this key, made by `make` (which writes the file it is given) where it is not there whole. */
  async object(key: string, make: (file: string) => Promise<void>): Promise<string> {
    const file = join(this.folder, `${key}.so`);
    if (await this.isWhole(file)) return file;
    const made = join(this.folder, `.${key}-${process.pid}-${randomBytes(6).toString("hex")}`);
    try {
      await make(made);
      const digest = digestOf(await readFile(made));
      await writeFile(`${made}.sha256`, digest, { mode: 0o600 });
      await rename(`${made}.sha256`, `${file}.sha256`);
      await rename(made, file);
    } catch (cause) {
      if (cause instanceof CompileError) throw cause;
      throw new CompileError(
        `a compiled kernel cannot be written to ${this.folder}: ${(cause as Error).message}. Set STRIATE_CACHE to a folder with room.`,
        { folder: this.folder },
        { cause },
      );
    } finally {
      await Promise.all([rm(made, { force: true }), rm(`${made}.sha256`, { force: true })]);
    }
    return file;
  }

  /** Whether the object is there as it was made, by this user. */
  private async isWhole(file: string): Promise<boolean> {
    try {
      const files = [file, `${file}.sha256`];
      for (const each of await Promise.all(files.map((name) => lstat(name))))
        if (!each.isFile() || (this.uid !== undefined && each.uid !== this.uid)) return false;
      const [object, digest] = await Promise.all([readFile(file), readFile(`${file}.sha256`, "utf8")]);
      return digestOf(object) === digest;
    } catch {
      return false;
    }
  }

  /** How much is kept: objects, and bytes of all files. */
  async size(): Promise<{ readonly objects: number; readonly bytes: number }> {
    const names = await readdir(this.folder);
    // Files may go meanwhile: other processes make objects here too.
    const sizes = await Promise.all(
      names.map((name) => lstat(join(this.folder, name)).catch(() => undefined)),
    );
    return {
      objects: names.filter((name) => name.endsWith(".so")).length,
      bytes: sizes.reduce((sum, each) => sum + (each?.size ?? 0), 0),
    };
  }

  /** Removes all objects; programs that have loaded theirs go on. */
  async clear(): Promise<void> {
    const ours = /^\.?[0-9a-f]{64}/;
    const names = (await readdir(this.folder)).filter((name) => ours.test(name));
    await Promise.all(names.map((name) => rm(join(this.folder, name), { force: true, recursive: true })));
  }
}

/** Removes what processes that were killed have left half made before some time. */
async function sweep(folder: string, beforeMs: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => unfinished.test(name));
  for (const file of names.map((name) => join(folder, name))) {
    const found = await lstat(file).catch(() => undefined);
    // It stays where the folder cannot be changed, and does no harm.
    if (found !== undefined && found.mtimeMs < beforeMs)
      await rm(file, { force: true }).catch(() => undefined);
  }
}

export function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
