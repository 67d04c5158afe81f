import {
  appendFile,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CompileError } from "./compile-error.ts";
import { cacheFolder, digestOf, ObjectCache } from "./object-cache.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-cache-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const key = digestOf("a source");
const isRoot = process.getuid?.() === 0;

/** Makes an object of these bytes, and counts how often it was asked to. */
function maker(bytes = "machine code") {
  const made = { times: 0 };
  return {
    made,
    make: async (file: string) => {
      made.times++;
      await writeFile(file, bytes);
    },
  };
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe("the folder", () => {
  it("is what STRIATE_CACHE says, else in the user's cache", () => {
    expect(cacheFolder({ STRIATE_CACHE: "/a" })).toBe("/a/native");
    expect(cacheFolder({ STRIATE_CACHE: "", XDG_CACHE_HOME: "/b" })).toBe("/b/striate/native");
    expect(cacheFolder({})).toMatch(/\/\.cache\/striate\/native$/);
  });

  it("is made for the user alone, and closed to others where it was open", async () => {
    const made = (await ObjectCache.open(join(folder, "deep", "native"))).folder;
    expect(await modeOf(made)).toBe(0o700);
    const open = join(folder, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    await ObjectCache.open(open);
    expect(await modeOf(open)).toBe(0o700);
  });

  it("must not be a link, below a file, or another user's", async () => {
    await symlink(tmpdir(), join(folder, "link"));
    await expect(ObjectCache.open(join(folder, "link"))).rejects.toThrow("is not a folder of this user");
    await writeFile(join(folder, "file"), "");
    await expect(ObjectCache.open(join(folder, "file", "native"))).rejects.toThrow(
      /cannot be kept in .*STRIATE_CACHE/,
    );
    await expect(ObjectCache.open(folder, (process.getuid?.() ?? 0) + 1)).rejects.toThrow(CompileError);
  });

  it.runIf(isRoot)("is refused when it belongs to another user in truth", async () => {
    await chown(folder, 12345, 12345);
    await expect(ObjectCache.open(folder)).rejects.toThrow("cannot be trusted");
  });
});

describe("an object", () => {
  it("is made once, and found by the next that opens the folder", async () => {
    const { made, make } = maker();
    const file = await (await ObjectCache.open(folder)).object(key, make);
    expect(await (await ObjectCache.open(folder)).object(key, make)).toBe(file);
    expect([made.times, await readFile(file, "utf8")]).toEqual([1, "machine code"]);
    expect((await readdir(folder)).sort()).toEqual([`${key}.so`, `${key}.so.sha256`]);
  });

  it.each<[string, (file: string) => Promise<unknown>]>([
    ["longer", (file) => appendFile(file, "\0")],
    ["shorter", (file) => truncate(file, 5)],
    ["other bytes", (file) => writeFile(file, "machine c0de")],
    ["without its digest", (file) => rm(`${file}.sha256`)],
    ["away", (file) => rm(file)],
    [
      "a link to a file with the right bytes",
      async (file) => {
        await rm(file);
        await writeFile(`${file}-elsewhere`, "machine code");
        await symlink(`${file}-elsewhere`, file);
      },
    ],
  ])("that is %s is made again", async (_, damage) => {
    const cache = await ObjectCache.open(folder);
    const { made, make } = maker();
    const file = await cache.object(key, make);
    await damage(file);
    await cache.object(key, make);
    expect([made.times, await readFile(file, "utf8")]).toEqual([2, "machine code"]);
    await cache.object(key, make);
    expect(made.times).toBe(2);
  });

  it.runIf(isRoot)("that another user has put there is made again", async () => {
    const cache = await ObjectCache.open(folder);
    const { made, make } = maker();
    const file = await cache.object(key, make);
    await chown(file, 12345, 12345);
    await cache.object(key, make);
    expect([made.times, (await stat(file)).uid]).toEqual([2, 0]);
  });

  it("that cannot be finished leaves nothing behind", async () => {
    const cache = await ObjectCache.open(folder);
    const full = async (file: string) => {
      await writeFile(file, "mach");
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    await expect(cache.object(key, full)).rejects.toThrow(
      /cannot be written to .*ENOSPC.*Set STRIATE_CACHE to a folder with room/,
    );
    expect(await readdir(folder)).toEqual([]);
    const { made, make } = maker();
    await cache.object(key, make);
    expect(made.times).toBe(1);
  });

  it("that a process was killed over is removed an hour later, and not while it may be in the making", async () => {
    const left = join(folder, `.${key}-123-0123456789ab`);
    for (const file of [left, `${left}.sha256`, `${left}-young`]) await writeFile(file, "mach");
    for (const file of [left, `${left}.sha256`]) await utimes(file, 1_000, 1_000);
    await utimes(`${left}-young`, 2_000, 2_000);
    await ObjectCache.open(folder, process.getuid?.(), () => 5_000_000);
    expect(await readdir(folder)).toEqual([basename(`${left}-young`)]);
  });

  it("may be made by several at the same time", async () => {
    const caches = await Promise.all([1, 2, 3, 4].map(() => ObjectCache.open(folder)));
    const files = await Promise.all(caches.map((cache) => cache.object(key, maker().make)));
    expect(new Set(files).size).toBe(1);
    const { made, make } = maker();
    await caches[0].object(key, make);
    expect(made.times).toBe(0);
  });
});

it("tells its size, and clears what is its own", async () => {
  const cache = await ObjectCache.open(folder);
  await cache.object(key, maker().make);
  await cache.object(digestOf("another"), maker().make);
  await writeFile(join(folder, "notes.txt"), "mine");
  expect(await cache.size()).toEqual({ objects: 2, bytes: 2 * (12 + 64) + 4 });
  await cache.clear();
  expect(await readdir(folder)).toEqual(["notes.txt"]);
});
