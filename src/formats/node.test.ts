import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CheckpointError } from "../tensor/index.ts";
import { folderStore, readFileBytes, writeFileAtomic } from "./node.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-formats-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a file is replaced whole, and no partial file stays beside it", async () => {
  const path = join(folder, "deep", "run", "last.safetensors");
  await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
  await writeFile(join(folder, "deep", "run", ".last.safetensors.partial"), "left by a killed process");
  await writeFileAtomic(path, Uint8Array.of(4));
  expect([...(await readFileBytes(path))]).toEqual([4]);
  expect(await readdir(join(folder, "deep", "run"))).toEqual(["last.safetensors"]);
});

test("a write that fails names the file and leaves nothing", async () => {
  const path = join(folder, "taken");
  await writeFileAtomic(join(path, "inside"), new Uint8Array());
  await expect(writeFileAtomic(path, Uint8Array.of(1))).rejects.toThrow(/taken: cannot be written: /);
  expect(await readdir(folder)).not.toContain(".taken.partial");
});

test("a file that is missing or is a folder is a CheckpointError naming it", async () => {
  await expect(readFileBytes(join(folder, "none"))).rejects.toThrow(/none: there is no such file/);
  await expect(readFileBytes(folder)).rejects.toThrow(CheckpointError);
});

test("a folder keeps the files of a run", async () => {
  const store = folderStore(join(folder, "kept"));
  expect(await store.read("metrics.jsonl")).toBeUndefined();
  await store.append("metrics.jsonl", "a\n");
  await store.append("metrics.jsonl", "b\n");
  expect(new TextDecoder().decode(await store.read("metrics.jsonl"))).toBe("a\nb\n");
  expect(store.locate("metrics.jsonl")).toBe(join(folder, "kept", "metrics.jsonl"));
});
