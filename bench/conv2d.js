// @ts-check
/**
 * Single convolutions and their two gradients on each engine of ours: node bench/conv2d.js [--quick] [--layers 3x3-64,…]
 * [--batch 1,16] [--engines native,wasm] [--threads n] [--rounds n] [--exact]
 *
 * A program computes the same convolution several times, and what is timed is from the end of one to the end of the next: inputs
 * are not copied within it. Engines take turns and must agree. With --exact all sums are direct, without Winograd's algorithms.
 * Results go to results/conv2d.csv, those of quick runs to results/local/.
 */

import os from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { plan, StateLayout } from "../dist/graph/index.js";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "../dist/ops/conv2d.js";
import { input, parameter } from "../dist/ops/operation.js";
import { randomUniform } from "../dist/tensor/index.js";
import { distanceOf } from "./agreement.js";
import { engineNames, hasEngine, openEngine } from "./engine.js";
import { median } from "./measure.js";
import { describePeak, measurePeaks } from "./peak.js";
import { alignColumns, Csv, machine, percent, short, warningsOfLoad } from "./report.js";

/** @typedef {import("../dist/ops/operation.js").Tensor} Tensor */

// biome-ignore format: one line a layer, of ResNet's stages
const layers = /** @type {const} */ ([
  // name          kernel  c     k    size
  ["3x3-64",         3,   64,   64,   56],
  ["3x3-128",        3,  128,  128,   28],
  ["3x3-256",        3,  256,  256,   14],
  ["3x3-512",        3,  512,  512,    7],
  ["1x1-64-256",     1,   64,  256,   56],
  ["1x1-256-64",     1,  256,   64,   56],
  ["1x1-512-128",    1,  512,  128,   28],
  ["1x1-256-1024",   1,  256, 1024,   14],
  ["1x1-1024-256",   1, 1024,  256,   14],
  ["1x1-512-2048",   1,  512, 2048,    7],
]);

const passes = /** @type {const} */ (["forward", "input gradient", "weight gradient"]);

/** How often a program computes the convolution: one interval less. */
const repeats = 4;

/** Runs before the first timed one, in which V8 brings kernels to its optimising compiler. */
const warmUps = 5;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    layers: { type: "string" },
    batch: { type: "string" },
    engines: { type: "string" },
    threads: { type: "string", default: String(os.availableParallelism()) },
    rounds: { type: "string" },
    exact: { type: "boolean", default: false },
  },
});
const threads = Number(options.threads);
const rounds = Number(options.rounds ?? (options.quick ? 5 : 15));
const batches = (options.batch ?? (options.quick ? "1" : "1,16")).split(",").map(Number);
const wanted = (
  options.engines ?? engineNames.filter((name) => name !== "js" && hasEngine(name)).join()
).split(",");
const names = options.layers?.split(",") ?? layers.map(([name]) => name);
for (const name of names)
  if (!layers.some(([each]) => each === name))
    throw new Error(`No layer ${name}; there are ${layers.map(([each]) => each).join(", ")}.`);

const peaks = measurePeaks([threads]);
console.log(machine());
for (const line of warningsOfLoad()) console.log(line);
const peak = typeof peaks === "string" ? undefined : peaks.get(threads);
console.log(typeof peaks === "string" ? peaks : peak && describePeak(threads, peak));
const engines = await Promise.all(
  wanted.map(async (engine) => ({
    name: options.exact ? `${engine}-exact` : engine,
    engine: await openEngine(engine, threads, { exact: options.exact }),
  })),
);
const columns = ["layer", "pass", "batch", "threads", "engine", "rounds", "gflops", "slowest", "fastest"];
const file = fileURLToPath(new URL(`results/${options.quick ? "local/" : ""}conv2d.csv`, import.meta.url));
const csv = new Csv(file, [...columns, "peakGflops", "peakGflops128", "shareOfPeak", "ms"]);
for (const batch of batches) {
  /** @type {Awaited<ReturnType<typeof measure>>} */
  const rows = [];
  for (const layer of layers) {
    if (!names.includes(layer[0])) continue;
    for (const pass of passes) rows.push(...(await measure(layer, pass, batch)));
  }
  // Figures are medians, the peak is the best of its bursts: half of them are beside it, since the clock moves.
  const head = ["", ...passes.flatMap((pass) => [pass, "of peak", "of its median"])];
  const lines = names.flatMap((layer) =>
    engines.map(({ name }) => [
      `${layer} ${name}`,
      ...passes.flatMap((pass) => {
        const row = rows.find((each) => each.layer === layer && each.pass === pass && each.engine === name);
        const ofMedian = row && peak && row.gflops / peak.median;
        return row ? [short(row.gflops), percent(row.share), percent(ofMedian)] : ["", "", ""];
      }),
    ]),
  );
  console.log(`\nGFLOP/s, batch ${batch}, ${threads} thread${threads > 1 ? "s" : ""}`);
  for (const line of alignColumns([head, ...lines])) console.log(line);
}
for (const { engine } of engines) engine.dispose();
console.log(`\nWritten to ${file}`);

/**
 * All engines on one convolution.
 * @param {(typeof layers)[number]} layer
 * @param {(typeof passes)[number]} pass
 * @param {number} batch
 */
async function measure(layer, pass, batch) {
  const [name] = layer;
  const planned = planOf(layer, pass, batch);
  const macs = planned.steps.reduce((sum, step) => sum + step.macs, 0) / repeats;
  const inputs = Object.fromEntries(
    Object.values(planned.inputs).map((tensor) => [tensor.name, randomValues(tensor)]),
  );
  const contestants = [];
  /** @type {Float32Array | undefined} */
  let reference;
  for (const { name: engine, engine: opened } of engines) {
    const session = await opened.open(planned.state);
    for (const { name: parameterName, shape } of planned.state.entries.values())
      session.write(parameterName, randomValues({ name: parameterName, shape }));
    const program = await session.load(planned);
    const result = Object.values(await program.run(inputs))[0].slice();
    reference ??= result;
    const { greatest: distance } = distanceOf(result, reference);
    if (distance > 1e-3)
      throw new Error(`${engine} computes ${name}, ${pass}, otherwise: ${distance} deviations.`);
    for (let i = 0; i < warmUps; i++) await program.run(inputs);
    contestants.push({ engine, session, program, ms: /** @type {number[]} */ ([]) });
  }
  for (let round = 0; round < rounds; round++)
    for (const { program, ms } of contestants) {
      /** @type {number[]} */
      const ends = [];
      await program.run(inputs, {}, (step, atMs) => {
        if (planned.steps[step].macs > 0) ends.push(atMs);
      });
      // One interval may hold several steps where a plan splits a convolution, so the whole stretch is divided.
      ms.push((ends[ends.length - 1] - ends[ends.length / repeats - 1]) / (repeats - 1));
    }
  for (const { session } of contestants) session.dispose();
  return contestants.map(({ engine, ms }) => {
    const [gflops, slowest, fastest] = [median(ms), Math.max(...ms), Math.min(...ms)].map(
      (time) => (2 * macs) / time / 1e6,
    );
    const share = peak && gflops / peak.wide;
    const measured = [name, pass, batch, threads, engine, rounds, gflops, slowest, fastest];
    csv.append([[...measured, peak?.wide, peak?.at128, share, median(ms)]]);
    return { layer: name, pass, engine, gflops, share };
  });
}

/**
 * @param {(typeof layers)[number]} layer
 * @param {(typeof passes)[number]} pass
 * @param {number} batch
 */
function planOf([, kernel, c, k, size], pass, batch) {
  const options = { padding: (kernel - 1) / 2 };
  const weightShape = [kernel, kernel, c, k];
  const state = new StateLayout();
  state.append("parameters", [{ name: "weight", shape: weightShape, kind: "filter" }]);
  const weight = parameter("weight", weightShape, "filter");
  const x = input("x", [batch, size, size, c]);
  const dy = input("dy", [batch, size, size, k]);
  const compute = {
    forward: () => conv2d({ x, weight, bias: undefined }, options),
    "input gradient": () => conv2dInputGradient({ dy, weight }, { ...options, inputShape: x.shape }),
    "weight gradient": () => conv2dWeightGradient({ x, dy }, { ...options, weightShape }),
  }[pass];
  return plan({
    outputs: Object.fromEntries(Array.from({ length: repeats }, (_, i) => [`y${i}`, compute()])),
    state,
  });
}

/** @param {Pick<Tensor, "name" | "shape">} tensor */
function randomValues({ name, shape }) {
  const key = name.length;
  const count = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count }, (_, i) => 2 * randomUniform(key, i) - 1);
}
