/**
 * The library in a real browser: LeNet-5 trains on the embedded digits, on a page whose threads share memory and on one that
 * is not cross-origin isolated, from plain modules and from a bundle, with the losses that Node has.
 */

import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Striate from "../../src/index.ts";

const executablePath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => existsSync(path));
if (executablePath === undefined)
  console.warn(
    "\n*** NO CHROMIUM: the tests in a browser are SKIPPED. ***\n*** Install one (apt-get install chromium) to run them. ***\n",
  );

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"].concat([
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]);

const root = fileURLToPath(new URL("../..", import.meta.url));
const steps = 6;

interface Trained {
  readonly losses: readonly number[];
  readonly top1: number;
  readonly threads: number;
  readonly relaxed: boolean;
  readonly ms: number;
}

/** Trains a few steps. It is sent to the page as text, so it knows only its arguments. */
async function trainDigits(
  striate: typeof Striate,
  steps: number,
  threads: number | undefined,
): Promise<Trained> {
  const { createLearner, DigitsDataset, evaluate, Loader, models, sgd, wasmEngine, wasmFeatures } = striate;
  const engine = await wasmEngine(threads === undefined ? {} : { threads });
  const learner = await createLearner({
    model: models.lenet5(),
    imageShape: [28, 28, 1],
    engine,
    optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
    seed: 7,
  });
  const loader = new Loader(new DigitsDataset(), { batch: 100, seed: 7, shuffle: true });
  const losses: number[] = [];
  const began = performance.now();
  for await (const { images, labels, count } of loader.epoch(0)) {
    const at = { step: losses.length, learningRate: 0.1 };
    losses.push((await learner.trainStep(images, labels, count, at)).loss);
    if (losses.length === steps) break;
  }
  const ms = performance.now() - began;
  const images = striate.data.limit(new DigitsDataset({ split: "test" }), 200);
  const { top1 } = await evaluate(learner, new Loader(images, { batch: 100 }).epoch(0));
  learner.dispose();
  engine.dispose();
  return { losses, top1, threads: engine.threads, relaxed: (await wasmFeatures()).relaxedSimd, ms };
}

/** A server of files in memory and of dist/, with the headers that make a page cross-origin isolated or without. */
async function serve(files: ReadonlyMap<string, string>, isolated: boolean): Promise<Server> {
  const isolation = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://page").pathname;
    const built = /^\/dist\/[\w/-]+\.js$/.test(path) ? `${root}${path.slice(1)}` : undefined;
    const body =
      files.get(path) ?? (built !== undefined && existsSync(built) ? readFileSync(built, "utf8") : undefined);
    const type = path.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": type,
      ...(isolated ? isolation : {}),
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** One file for the page and one for each worker, side by side: workers are found by their address beside the page's code. */
async function bundled(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: {
      index: "striate",
      worker: "striate/engines/worker",
      "loader-worker": "striate/data/loader-worker",
    },
    absWorkingDir: root,
    outdir: "/bundle",
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    write: false,
  });
  return new Map(
    outputFiles.map(({ path, text }) => [path.replaceAll("\\", "/").replace(/^.*\/bundle/, "/bundle"), text]),
  );
}

describe.skipIf(executablePath === undefined)("in a browser", () => {
  let browser: Browser;
  let node: Trained;
  const servers: Server[] = [];
  const ports = new Map<boolean, number>();

  beforeAll(async () => {
    const page = '<!doctype html><link rel="icon" href="data:,"><title>Striate</title>';
    const bundle = await bundled();
    const files = new Map([
      ["/", page],
      ["/alone/index.js", bundle.get("/bundle/index.js") ?? ""],
      ...bundle,
    ]);
    for (const isolated of [true, false]) {
      const server = await serve(files, isolated);
      servers.push(server);
      ports.set(isolated, (server.address() as AddressInfo).port);
    }
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: flags });
    const striate: typeof Striate = await import(new URL("../../dist/index.js", import.meta.url).href);
    node = await trainDigits(striate, steps, undefined);
    const { losses, ms, threads } = node;
    console.log(
      `Node: ${losses.map((loss) => loss.toFixed(6)).join(" ")}, ${threads} threads, ${Math.round(ms)} ms`,
    );
  });

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
  });

  const forms = [
    { title: "modules with threads", entry: "/dist/index.js", isolated: true },
    { title: "a bundle with threads", entry: "/bundle/index.js", isolated: true },
    { title: "modules in one thread, not isolated", entry: "/dist/index.js", isolated: false },
    { title: "a bundle in one thread, not isolated", entry: "/bundle/index.js", isolated: false },
  ];

  test("says what is missing where a bundle was made without its workers", async () => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${ports.get(true)}/`);
    const code = `import("/alone/index.js").then(async ({ wasmEngine, createLearner, models }) => {
      const engine = await wasmEngine({ threads: 2 });
      await createLearner({ model: models.lenet5(), imageShape: [28, 28, 1], engine });
    }).catch((error) => error.message)`;
    expect(await page.evaluate<string>(code)).toMatch(
      /^a worker thread did not start: .*worker\.js.*threads to 1/,
    );
    await page.close();
  });

  test.each(forms)(
    "as $title, it trains as Node does",
    { timeout: 120_000 },
    async ({ title, entry, isolated }) => {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => problems.push(message.text()));
      const workers: string[] = [];
      page.on("worker", (worker) => workers.push(new URL(worker.url()).pathname));
      await page.goto(`http://127.0.0.1:${ports.get(isolated)}/`);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);

      const code = `(async () => (${trainDigits})(await import("${entry}"), ${steps}, ${isolated ? 2 : undefined}))()`;
      const trained = await page.evaluate<Trained>(code);
      await page.close();
      const { losses, threads, relaxed, ms, top1 } = trained;
      console.log(
        `${title}: ${losses.map((loss) => loss.toFixed(6)).join(" ")}, ${threads} threads, ` +
          `${relaxed ? "relaxed SIMD" : "SIMD"}, ${Math.round(ms)} ms`,
      );
      expect(problems).toEqual([]);
      expect(threads).toBe(isolated ? 2 : 1);
      const beside = (name: string) => workers.some((path) => path.endsWith(name));
      expect(beside("/worker.js"), "the pool's worker was found").toBe(isolated);
      expect(beside("/loader-worker.js"), "the loader's worker was found").toBe(true);
      expect(losses).toHaveLength(steps);
      for (const [i, loss] of losses.entries()) {
        const relative = Math.abs(loss - node.losses[i]) / node.losses[i];
        expect(relative, `step ${i}: ${loss} against ${node.losses[i]} in Node`).toBeLessThan(1e-5);
      }
      expect(top1).toBeCloseTo(node.top1, 1);
    },
  );
});
