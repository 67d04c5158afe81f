/** What becomes of a run where there is no compiler, no koffi, or no room for what is compiled. */

import { execFile } from "node:child_process";
import { access, chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plan } from "../../graph/plan.ts";
import { StateLayout } from "../../graph/state-layout.ts";
import { cifarResNet } from "../../models/cifar-resnet.ts";
import { build } from "../../nn/network.ts";
import { multiply } from "../../ops/multiply.ts";
import { input, parameter } from "../../ops/operation.ts";
import { relu } from "../../ops/relu.ts";
import { EngineError, OptionError } from "../../tensor/errors.ts";
import type { Engine } from "../engine.ts";
import { CompileError } from "./compile-error.ts";
import { findCompiler } from "./compiler.ts";
import { examine } from "./examine.ts";
import { ObjectCache } from "./object-cache.ts";
import { openEngine } from "./open.ts";

const run = promisify(execFile);
const opened: Engine[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-open-"));
});
afterEach(async () => {
  for (const engine of opened.splice(0)) engine.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** An engine of this name and environment, and what was told as it was opened and used. */
async function open(name: string, environment: NodeJS.ProcessEnv) {
  const told: string[] = [];
  const engine = await openEngine(name, { threads: 1, tell: (line) => told.push(line), environment });
  opened.push(engine);
  return { engine, told };
}

const state = new StateLayout();
state.append("parameters", [{ name: "weight", shape: [3], kind: "vector" }]);

/** weight · max(x, 0) */
function planned(elements = 3) {
  const y = multiply(
    { a: relu({ x: input("x", [elements, 3]) }, {}), b: parameter("weight", [3], "vector") },
    {},
  );
  return plan({ outputs: { y }, state });
}

/** Opens a session, writes its weight, loads and runs a plan. */
async function compute(engine: Engine): Promise<number[]> {
  const session = await engine.open(state);
  session.write("weight", [1, 10, 100]);
  const program = await session.load(planned(1));
  const { y } = await program.run({ x: [1, -2, 3] });
  expect([...session.read("weight")]).toEqual([1, 10, 100]);
  return [...y];
}

/**
 * A compiler that goes wrong, as a script: it describes its machine and compiles the engine's own code, and does this with
 * what holds kernels.
 */
async function compilerThat(withKernels: string): Promise<NodeJS.ProcessEnv> {
  const command = join(folder, "cc");
  const script = `#!/bin/sh
case "$*" in *-dM*) exec cc "$@";; esac
cat > "$0.c"
if ! grep -q kernel_address "$0.c"; then exec cc "$@" < "$0.c"; fi
for each; do if [ "$before" = -o ]; then out=$each; fi; before=$each; done
${withKernels}
`;
  await writeFile(command, script);
  await chmod(command, 0o755);
  return { PATH: process.env.PATH, CC: command, STRIATE_CACHE: join(folder, "cache") };
}

const halfWritten = `printf half > "$out"; echo "fatal: no space left on device" >&2; echo "a second line" >&2; exit 1`;

describe("without a compiler", () => {
  const nowhere = () => ({ CC: "/nonexistent/cc -m64", STRIATE_CACHE: folder });

  it("the native engine says what to install", async () => {
    await expect(open("native", nowhere())).rejects.toThrow(CompileError);
    await expect(open("native", nowhere())).rejects.toThrow(
      /needs a C compiler, but "\/nonexistent\/cc" did not run: .*ENOENT\. Install gcc or clang .* or set CC\./,
    );
  });

  it("auto computes in WebAssembly, and tells so in one line", async () => {
    const { engine, told } = await open("auto", nowhere());
    expect([engine.name, engine.threads]).toEqual(["wasm", 1]);
    expect(told).toEqual([
      expect.stringMatching(/^Computing with the wasm engine: the native engine needs .*$/),
    ]);
    expect(await compute(engine)).toEqual([1, 0, 300]);
  });
});

describe("where what is compiled cannot be kept", () => {
  it("the native engine says so, and auto computes in WebAssembly", async () => {
    await writeFile(join(folder, "file"), "");
    const environment = { PATH: process.env.PATH, STRIATE_CACHE: join(folder, "file", "cache") };
    await expect(open("native", environment)).rejects.toThrow(
      /cannot be kept in .*ENOTDIR.* Set STRIATE_CACHE/,
    );
    const { engine, told } = await open("auto", environment);
    expect([engine.name, told.length]).toEqual(["wasm", 1]);
  });
});

describe("a compiler that fails at the first kernel", () => {
  it("is heard by who loads a plan, with its origin, and leaves no object behind", async () => {
    const environment = await compilerThat(halfWritten);
    const { engine } = await open("native", environment);
    const session = await engine.open(state);
    const error: unknown = await session.load(planned()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(EngineError);
    expect(String(error)).toMatch(
      /could not compile a kernel: fatal: no space left on device\na second line/,
    );
    expect(String(error)).toContain("The wasm engine needs no compiler.");
    expect((error as EngineError).cause).toBeInstanceOf(Error);
    // The engine's own object is there, and nothing half written.
    const files = await readdir(join(folder, "cache", "native"));
    expect(files.map((name) => name.replace(/^[0-9a-f]{64}/, "")).sort()).toEqual([".so", ".so.sha256"]);
  });

  it("is heard when what is compiled beside it has ended", async () => {
    // The first of two parts fails at once; the second takes its time.
    const environment = await compilerThat(
      `if mkdir "$0.first" 2>/dev/null; then ${halfWritten}; fi; printf half > "$out"; sleep 1; exit 1`,
    );
    const { engine } = await open("native", environment);
    const network = build(cifarResNet({ depth: 8 }), { input: [2, 32, 32, 3], training: true });
    const layout = new StateLayout();
    layout.append("parameters", network.parameters);
    layout.append("states", network.states);
    const session = await engine.open(layout);
    await expect(session.load(plan({ outputs: network.outputs, state: layout }))).rejects.toThrow(
      "could not compile a kernel",
    );
    const files = await readdir(join(folder, "cache", "native"));
    expect(files.filter((name) => name.startsWith("."))).toEqual([]);
    await expect(access(`${environment.CC}.first`)).resolves.toBeUndefined();
  });

  it("makes auto go on in WebAssembly with the same state, and tell it once", async () => {
    const { engine, told } = await open("auto", await compilerThat(halfWritten));
    expect([engine.name, told]).toEqual(["native", []]);
    expect(await compute(engine)).toEqual([1, 0, 300]);
    expect(engine.name).toBe("wasm");
    // A second model finds the other engine at once.
    expect(await compute(engine)).toEqual([1, 0, 300]);
    expect(told).toEqual([
      expect.stringMatching(
        /^Computing with the wasm engine: .* could not compile a kernel: fatal: no space left on device$/,
      ),
    ]);
  });

  it("does so for plans that are loaded at the same time", async () => {
    const { engine, told } = await open("auto", await compilerThat(halfWritten));
    const session = await engine.open(state);
    session.write("weight", [1, 10, 100]);
    const programs = await Promise.all([session.load(planned(1)), session.load(planned(2))]);
    expect([...(await programs[0].run({ x: [1, 1, 1] })).y]).toEqual([1, 10, 100]);
    expect([...(await programs[1].run({ x: [0, 0, 0, 1, 1, 1] })).y.slice(3)]).toEqual([1, 10, 100]);
    expect(told).toHaveLength(1);
  });
});

it("a compiler that fails later stops who asks for another plan, and what runs goes on", async () => {
  // Once there is a file "full", there is no room.
  const environment = await compilerThat(
    `if [ -e "$0.full" ]; then ${halfWritten}; fi; exec cc "$@" < "$0.c"`,
  );
  const { engine, told } = await open("auto", environment);
  const session = await engine.open(state);
  session.write("weight", [1, 10, 100]);
  const program = await session.load(planned(1));
  await writeFile(`${environment.CC}.full`, "");
  await expect(session.load(planned(70))).rejects.toThrow("no space left on device");
  expect([...(await program.run({ x: [1, 1, 1] })).y]).toEqual([1, 10, 100]);
  expect([engine.name, told]).toEqual(["native", []]);
});

describe("a compiler that does not come back", () => {
  it("is ended, and what it was to do is an error", async () => {
    // Its input stays open, and so do the pipes of what it has started.
    const environment = await compilerThat(`printf half > "$out"; sleep 60`);
    const compiler = await findCompiler(environment);
    const cache = await ObjectCache.open(join(folder, "cache", "native"));
    const began = performance.now();
    const hasty = await findCompiler(environment, 300);
    await expect(hasty.compile("double kernel_address(int i) { return 0; }", cache)).rejects.toThrow(
      /could not compile a kernel: it has not come back after 0\.3 s\. The wasm engine/,
    );
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await readdir(cache.folder)).toEqual([]);
    // How long one waits for a compiler does not change what it makes.
    expect(hasty.identity).toBe(compiler.identity);
  });

  it("because it was killed, is an error that says so", async () => {
    const compiler = await findCompiler(await compilerThat("kill -9 $$"));
    const cache = await ObjectCache.open(join(folder, "cache", "native"));
    await expect(compiler.compile("double kernel_address(int i) { return 0; }", cache)).rejects.toThrow(
      /could not compile a kernel: it was ended by SIGKILL/,
    );
    expect(await readdir(cache.folder)).toEqual([]);
  });
});

it("an object that is no object is an EngineError that speaks of the disk", async () => {
  const { engine } = await open("native", await compilerThat(`printf "not machine code" > "$out"`));
  const session = await engine.open(state);
  await expect(session.load(planned())).rejects.toThrow(/could not be loaded: .*STRIATE_CACHE/s);
});

it("two processes that compile the same at the same time both compute", async () => {
  const index = (name: string) => new URL(`../../../dist/${name}/index.js`, import.meta.url).href;
  const script = `
    const { openEngine } = await import(${JSON.stringify(index("engines/native"))});
    const { plan, StateLayout } = await import(${JSON.stringify(index("graph"))});
    const { input, relu } = await import(${JSON.stringify(index("ops"))});
    const state = new StateLayout();
    const engine = await openEngine("native", { threads: 2 });
    const program = await (await engine.open(state)).load(plan({ outputs: { y: relu({ x: input("x", [3]) }, {}) }, state }));
    console.log(...(await program.run({ x: [-1, 0, 5] })).y);
    engine.dispose();`;
  const env = { ...process.env, STRIATE_CACHE: folder };
  const results = await Promise.all(
    [1, 2, 3].map(() => run(process.execPath, ["--input-type=module", "-e", script], { env })),
  );
  expect(results).toEqual(results.map(() => ({ stdout: "0 0 5\n", stderr: "" })));
});

it("without koffi the native engine says what to install, and auto computes in WebAssembly", async () => {
  // A copy of the package that finds no other package.
  const dist = fileURLToPath(new URL("../../../dist", import.meta.url));
  await cp(dist, join(folder, "dist"), { recursive: true });
  await writeFile(join(folder, "package.json"), `{ "type": "module" }`);
  const index = pathToFileURL(join(folder, "dist", "engines", "native", "index.js")).href;
  const script = `
    const { openEngine, examine } = await import(${JSON.stringify(index)});
    const engine = await openEngine("auto", { tell: console.log });
    console.log(engine.name);
    await openEngine("native").catch((error) => console.log(error.name, error.message));
    console.log((await examine()).auto);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
  const [line, name, error, auto] = stdout.trimEnd().split("\n");
  expect(line).toMatch(
    /^Computing with the wasm engine: .*koffi, which could not be loaded: .*Install it: npm install koffi$/,
  );
  expect([name, auto]).toEqual(["wasm", "wasm"]);
  expect(error).toMatch(/^EngineError the native engine calls C through koffi/);
});

it("names the engines that there are when it is asked for another", async () => {
  await expect(openEngine("cuda")).rejects.toThrow(OptionError);
  await expect(openEngine("cuda")).rejects.toThrow(
    'no engine "cuda"; there are auto, native, wasm, wasm-256, js',
  );
});

describe("an examination", () => {
  it("finds compiler, vectors, koffi and folder, and what auto takes", async () => {
    const environment = { PATH: process.env.PATH, STRIATE_CACHE: folder };
    const found = await examine(environment);
    const { compiler, koffi, cache } = found;
    expect(found).toMatchObject({
      node: process.version,
      engines: { native: {}, wasm: {}, js: {} },
      auto: "native",
    });
    if (compiler.problem !== undefined || koffi.problem !== undefined || cache.problem !== undefined)
      throw new Error(JSON.stringify(found));
    expect(compiler.bits).toBe(32 * compiler.lanes);
    expect([16, 32]).toContain(compiler.registers);
    const { version } = JSON.parse(await readFile("node_modules/koffi/package.json", "utf8"));
    expect(koffi.version).toBe(version);
    expect(cache.folder).toBe(join(folder, "native"));
  });

  it("tells what is missing, and throws nothing", async () => {
    const found = await examine({ CC: "/nonexistent/cc", STRIATE_CACHE: "/dev/null" });
    expect(found.auto).toBe("wasm");
    expect(found.compiler.problem).toContain("Install gcc or clang");
    expect(found.cache.problem).toContain("Set STRIATE_CACHE");
    expect(found.engines.native.problem).toBeDefined();
    expect(found.engines.wasm.problem).toBeUndefined();
  });
});
