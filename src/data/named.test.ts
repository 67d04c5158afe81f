import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { datasetNames, namedSets } from "./named.ts";

describe("the named sets", () => {
  test("have each a digest, a size and more than one address for every file", () => {
    for (const set of namedSets) {
      for (const file of set.files) {
        expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(file.md5).toMatch(/^[0-9a-f]{32}$/);
        expect(file.bytes).toBeGreaterThan(4000);
        expect(file.urls.length).toBeGreaterThan(1);
        for (const url of file.urls) expect(new URL(url).pathname.endsWith(`/${file.name}`)).toBe(true);
      }
      expect(new Set(set.files.map((file) => file.sha256)).size).toBe(set.files.length);
    }
  });

  test("have as many classes, means and deviations as they should", () => {
    const counts = Object.fromEntries(namedSets.map((set) => [set.name, set.classes.length]));
    expect(counts).toEqual({ mnist: 10, "fashion-mnist": 10, cifar10: 10, cifar100: 100 });
    for (const { imageShape, normalization, classes } of namedSets) {
      expect(normalization.mean).toHaveLength(imageShape[2]);
      expect(normalization.std).toHaveLength(imageShape[2]);
      expect(new Set(classes).size).toBe(classes.length);
    }
    expect(datasetNames).toEqual(["digits", "mnist", "fashion-mnist", "cifar10", "cifar100"]);
  });

  const folder = new URL("../../../shared/data/mnist/", import.meta.url);
  const isThere = existsSync(folder);
  if (!isThere)
    console.warn(`SKIPPED: the digests of MNIST are not checked, because ${folder.pathname} is missing.`);

  test.skipIf(!isThere)("state the digests that the files of MNIST have", () => {
    for (const file of namedSets.find(({ name }) => name === "mnist")?.files ?? []) {
      const bytes = readFileSync(new URL(file.name, folder));
      expect(bytes.length).toBe(file.bytes);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(file.sha256);
      expect(createHash("md5").update(bytes).digest("hex")).toBe(file.md5);
    }
  });
});
