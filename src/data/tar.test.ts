import { describe, expect, test } from "vitest";
import { randomBytes, tar } from "../../test/data-files.ts";
import { readTar } from "./tar.ts";

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function members(bytes: Uint8Array, size: number, mostBytes = 10_000) {
  const wants = (name: string) => name !== "b";
  const found = [];
  for await (const member of readTar(inPieces(bytes, size), { file: "x.tar", wants, mostBytes }))
    found.push(member);
  return found;
}

const files = { a: randomBytes(1000, 1), b: randomBytes(600, 2), "folder/c": randomBytes(512, 3) };

describe("a tar archive", () => {
  test("gives the wanted files, whatever the pieces it comes in", async () => {
    for (const size of [1, 100, 512, 1000, 1e6]) {
      expect(await members(tar(files), size)).toEqual([
        { name: "a", bytes: files.a },
        { name: "folder/c", bytes: files["folder/c"] },
      ]);
    }
  });

  test("that is cut or altered is refused", async () => {
    await expect(members(tar(files).subarray(0, 900), 512)).rejects.toThrow("x.tar: ends in the middle of a");
    const altered = tar(files);
    altered[1536] ^= 1;
    await expect(members(altered, 512)).rejects.toThrow("x.tar: has no valid tar header at byte 1,536");
  });

  test("with a file that is too large is refused before memory is taken", async () => {
    await expect(members(tar(files), 512, 700)).rejects.toThrow("a has 1,000 bytes, more than");
  });
});
