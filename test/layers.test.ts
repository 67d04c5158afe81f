/** The order of folders in src/: a folder imports from those above it alone. docs/architecture.md says why in this order. */

import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folders = [
  "tensor",
  "kernels",
  "ops",
  "graph",
  "engines",
  "nn",
  "models",
  "explain",
  "data",
  "formats",
  "evaluate",
  "train",
  "inference",
  "index.ts",
  "cli",
];

/** Where Node's own modules may be imported; everything else runs in browsers too. */
const nodeHalves = /^(engines\/native|data\/node|formats\/node|inference\/node|cli)(\/|\.ts$)/;

/** The only packages that anything but a test imports, and where. */
const packages: Readonly<Record<string, RegExp>> = { commander: /^cli\//, sharp: /^data\/node\// };

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(root, { encoding: "utf8", recursive: true })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));

/** What `text` imports: whole statements, and calls with a name; `typeof import("…")` is a type and leaves nothing. */
function importsOf(text: string): string[] {
  const forms = [
    /^(?:import|export)\s[\w\s{},*$]*?\bfrom\s+"([^"]+)"/gm,
    /^import\s+"([^"]+)"/gm,
    /(?<!typeof )\bimport\("([^"]+)"\)/g,
  ];
  return forms.flatMap((form) => [...text.matchAll(form)].map((match) => match[1]));
}

/** The rule that an import breaks, or nothing. */
function broken(file: string, imported: string): string | undefined {
  if (isBuiltin(imported)) {
    if (!nodeHalves.test(file))
      return "Node's modules are for engines/native, data/node, formats/node, inference/node and cli";
    return undefined;
  }
  if (!imported.startsWith(".")) {
    if (packages[imported]?.test(file)) return undefined;
    return `the package ${imported} may not be imported here`;
  }
  const target = posix.join(file, "..", imported);
  const [from, to] = [file.split("/")[0], target.split("/")[0]];
  if (!folders.includes(to)) return `${to} is not in the list of folders`;
  if (folders.indexOf(to) > folders.indexOf(from)) return `${to} comes after ${from}`;
  if (nodeHalves.test(target) && !nodeHalves.test(file)) return `${target} runs in Node only`;
  return undefined;
}

test("every folder of src/ has its place in the order", () => {
  const found = new Set(files.map((file) => file.split("/")[0]));
  expect([...found].filter((folder) => !folders.includes(folder))).toEqual([]);
});

test("a file imports from its own folder and those above it", () => {
  const problems = files.flatMap((file) =>
    importsOf(readFileSync(posix.join(root, file), "utf8")).flatMap((imported) => {
      const rule = broken(file, imported);
      return rule === undefined ? [] : [`src/${file} imports ${imported}: ${rule}`];
    }),
  );
  expect(problems).toEqual([]);
});

test("an import is found in whatever form it is written, and judged", () => {
  const text = `import { a,\n  b } from "../x.ts";\nexport * from "./y.ts";\nimport "z";\nconst s = await import("node:fs");
    type T = typeof import("node:os");`;
  expect(importsOf(text)).toEqual(["../x.ts", "./y.ts", "z", "node:fs"]);
  expect(broken("ops/add.ts", "../nn/scope.ts")).toBe("nn comes after ops");
  expect(broken("data/index.ts", "./node.ts")).toBe("data/node.ts runs in Node only");
  expect(broken("data/index.ts", "node:fs")).toContain("Node's modules");
  expect(broken("data/node/files.ts", "node:fs")).toBeUndefined();
  expect(broken("train/train.ts", "commander")).toContain("commander");
});
