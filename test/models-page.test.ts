/** docs/models.md and its picture are what the registry says; `npm run docs` writes it anew. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { diagram } from "../src/explain/index.ts";
import { modelNamed } from "../src/models/registry.ts";
import { build } from "../src/nn/index.ts";
import { modelsPage } from "./models-page.ts";

const file = new URL("../docs/models.md", import.meta.url);

test("docs/models.md lists every model with its counts (if it fails: npm run docs)", async () => {
  const page = readFileSync(file, "utf8");
  await expect(modelsPage(page)).toMatchFileSnapshot(file.pathname);
});

test("docs/googlenet.svg is what `striate summary googlenet --svg` draws (if it fails: npm run docs)", async () => {
  const { build: make, input } = modelNamed("googlenet");
  const drawn = diagram(build(make(), { input: [1, ...input] }), { title: "googlenet" });
  await expect(drawn).toMatchFileSnapshot(new URL("../docs/googlenet.svg", import.meta.url).pathname);
});

test("a page without marks is refused", () => {
  expect(() => modelsPage("# Models\n")).toThrow("has lost its marks");
});
