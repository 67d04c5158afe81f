/** The package as its users get it: what it exports, with types, and what a browser's bundle of it holds. */

import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const { bin, exports, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const subpaths = Object.keys(exports).filter((subpath) => subpath !== "./package.json");

const folder = mkdtempSync(join(tmpdir(), "striate-package-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what package.json exports", () => {
  test.each(subpaths)("%s is built, with types", (subpath) => {
    for (const file of Object.values<string>(exports[subpath]))
      expect(existsSync(join(root, file)), file).toBe(true);
  });

  test("the program is built and can be executed", () => {
    expect(readFileSync(join(root, bin.striate), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test("the library knows its version", async () => {
    const striate = await import(new URL("../dist/index.js", import.meta.url).href);
    expect(striate.version).toBe(version);
  });
});

describe("a program in TypeScript", () => {
  beforeAll(() => {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "striate"), "junction");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const all = subpaths.map((path, i) => `import * as part${i} from "striate${path.slice(1)}";`);
    const names = subpaths.map((_, i) => `part${i}`).join(", ");
    const program = `
      import { build, type Engine, jsEngine, type Layer, models, nn, summarize } from "striate";
      import { folderStore } from "striate/formats/node";
      const model: Layer = nn.sequential({ conv: nn.conv2d(4, 3), pool: nn.globalAvgPool2d(), fc: nn.linear(2) });
      const engine: Engine = jsEngine();
      const rows: number = summarize(build(model, { input: [1, 8, 8, 3] })).rows.length;
      // @ts-expect-error: there is no such option
      models.lenet5({ classses: 10 });
      export const all = [${names}, engine, rows, folderStore] as const;`;
    writeFileSync(join(folder, "main.ts"), `${all.join("\n")}\n${program}`);
  });

  // Types are checked to the bottom, those of the package included (skipLibCheck is false).
  test.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("compiles against every export (module %s, moduleResolution %s)", async (module, moduleResolution) => {
    const options = {
      strict: true,
      noEmit: true,
      target: "es2023",
      lib: ["es2023", "dom", "dom.iterable"],
      types: [],
    };
    const config = join(folder, `tsconfig.${module}.json`);
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: { ...options, module, moduleResolution }, files: ["main.ts"] }),
    );
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const { stdout } = await run(process.execPath, [tsc, "-p", config]).catch((error) => error);
    expect(stdout).toBe("");
  });
});

describe("the bundle for browsers", () => {
  /**
   * Bytes, minified. Raise them knowingly: the whole may grow with every network (a kilobyte or two each), a program that uses one
   * network may not, and has a fifth more than when this was written.
   */
  const limits = { whole: 460_000, program: 170_000 };

  const bundle = async (name: string, contents: string) => {
    const { metafile, outputFiles, warnings } = await build({
      stdin: { contents, resolveDir: root },
      bundle: true,
      platform: "browser",
      format: "esm",
      minify: true,
      metafile: true,
      write: false,
    });
    expect(warnings).toEqual([]);
    const [{ contents: bytes }] = outputFiles;
    const kB = (count: number) => (count / 1000).toFixed(1);
    console.log(`${name}: ${kB(bytes.length)} kB minified, ${kB(gzipSync(bytes).length)} kB with gzip`);
    return { bytes: bytes.length, inputs: Object.keys(metafile.inputs) };
  };

  test("has the whole core, without Node, without packages, in bounds", async () => {
    // That there are no warnings and no externals says that no module of Node was asked for.
    const { bytes, inputs } = await bundle("whole core", 'export * from "./dist/index.js";');
    expect(inputs.filter((file) => !/^(<stdin>|dist\/)/.test(file))).toEqual([]);
    expect(
      inputs.filter((file) =>
        /^dist\/(cli|data\/node|formats\/node|inference\/node|engines\/native)/.test(file),
      ),
    ).toEqual([]);
    expect(bytes).toBeLessThan(limits.whole);
  });

  test("leaves out what a program does not use", async () => {
    const { bytes } = await bundle(
      "a program that trains LeNet-5",
      `import { wasmEngine } from "./dist/engines/index.js";
       import { lenet5 } from "./dist/models/index.js";
       import { createLearner } from "./dist/train/index.js";
       const engine = await wasmEngine();
       const learner = await createLearner({ model: lenet5(), imageShape: [28, 28, 1], engine });
       await learner.trainStep(new Float32Array(784), new Float32Array(1), 1, { step: 0, learningRate: 0.1 });`,
    );
    expect(bytes).toBeLessThan(limits.program);
  });
});
