/** The package as npm installs it: packed, installed into an empty project, used through its program and as a library. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "striate-install-"));
const project = join(folder, "project");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isWindows = process.platform === "win32";
const call = promisify(execFile);
const run = (command: string, args: readonly string[], cwd: string) =>
  call(command, args, { cwd, shell: isWindows, maxBuffer: 1 << 24 });

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

let packed: Packed;

beforeAll(async () => {
  // What was built for the tests is packed as it is: other tests run from it meanwhile.
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", args, root);
  [packed] = JSON.parse(stdout);
  mkdirSync(project);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "empty", private: true, type: "module" }),
  );
  const tarball = join(folder, packed.filename);
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], project);
});

test("holds the compiled library and its texts, and no tests", () => {
  const kB = (bytes: number) => Math.round(bytes / 1000);
  console.log(
    `${packed.files.length} files, ${kB(packed.size)} kB packed, ${kB(packed.unpackedSize)} kB unpacked`,
  );
  const paths = packed.files.map(({ path }) => path);
  for (const path of [
    "package.json",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "dist/index.js",
    "dist/index.d.ts",
  ])
    expect(paths).toContain(path);
  expect(paths.filter((path) => path.includes(".test."))).toEqual([]);
  expect(paths.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))).toEqual([]);
});

test("its program trains on the embedded digits", async () => {
  const flags = ["--data", "digits", "--limit", "512", "--epochs", "1", "--json"];
  const { stdout } = await run("npx", ["striate", "train", "lenet5", ...flags], project);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ model: "lenet5", data: "digits", parameters: 61706, stopped: "finished" });
  expect(result.trainLoss).toBeLessThan(3);
});

test("its library trains two steps", async () => {
  writeFileSync(
    join(project, "two-steps.js"),
    `import { createLearner, DigitsDataset, Loader, models, wasmEngine } from "striate";
     import { cacheFolder } from "striate/data/node";
     const engine = await wasmEngine();
     const learner = await createLearner({ model: models.lenet5(), imageShape: [28, 28, 1], engine });
     const losses = [];
     for await (const { images, labels, count } of new Loader(new DigitsDataset(), { batch: 32 }).epoch(0)) {
       const at = { step: losses.length, learningRate: 0.05 };
       losses.push((await learner.trainStep(images, labels, count, at)).loss);
       if (losses.length === 2) break;
     }
     console.log(JSON.stringify({ losses, cache: typeof cacheFolder() }));`,
  );
  const { stdout } = await run(process.execPath, ["two-steps.js"], project);
  const { losses, cache } = JSON.parse(stdout);
  expect(losses).toHaveLength(2);
  for (const loss of losses) expect(Math.abs(loss - Math.log(10))).toBeLessThan(0.5);
  expect(cache).toBe("string");
});

test("its types stand without those of Node", async () => {
  writeFileSync(
    join(project, "typed.ts"),
    `import { models, nn } from "striate";\nexport const m: nn.Layer = models.lenet5();\n`,
  );
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = [
    "--strict",
    "--noEmit",
    "--target",
    "es2023",
    "--module",
    "nodenext",
    "--types",
    "",
    "typed.ts",
  ];
  const { stdout } = await run(process.execPath, [tsc, ...flags], project).catch((error) => error);
  expect(stdout).toBe("");
});
