/** docs/models.md is what the registry says; `npm run docs` writes it anew. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { modelsPage } from "./models-page.ts";

const file = new URL("../docs/models.md", import.meta.url);

test("docs/models.md lists every model with its counts (if it fails: npm run docs)", async () => {
  const page = readFileSync(file, "utf8");
  await expect(modelsPage(page)).toMatchFileSnapshot(file.pathname);
});

test("a page without marks is refused", () => {
  expect(() => modelsPage("# Models\n")).toThrow("has lost its marks");
});
