// @ts-check
/** What every timed JavaScript process shares: its options, its clock, its memory, and the one JSON line it prints. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/**
 * @typedef {object} Measurement
 * @property {number} imagesPerSecond
 * @property {number} msPerStep Median.
 * @property {number} bestMsPerStep
 * @property {number} steps How many were timed.
 * @property {number} peakRssBytes High-water mark of the process.
 * @property {number} threads
 * @property {string} version
 * @property {string} [form] How the peer was used; passed back to it in later rounds.
 */

/** The options of a timed process; `backend` is the engine of ours and the backend of TensorFlow.js. */
export function readOptions() {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "lenet5" },
      batch: { type: "string", default: "128" },
      threads: { type: "string", default: "1" },
      mode: { type: "string", default: "train" },
      seconds: { type: "string", default: "3" },
      backend: { type: "string", default: "wasm" },
    },
  });
  const { model, mode, backend } = values;
  if (mode !== "train" && mode !== "infer") throw new Error(`--mode is train or infer, not ${mode}.`);
  return {
    model,
    mode: /** @type {"train" | "infer"} */ (mode),
    backend,
    batch: Number(values.batch),
    threads: Number(values.threads),
    seconds: Number(values.seconds),
  };
}

/**
 * Times `step` for `seconds`, after two steps and a fifth of the time to warm up, and prints the result.
 * @param {() => Promise<unknown> | unknown} step
 * @param {{ batch: number, threads: number, seconds: number }} options
 * @param {string} version
 */
export async function measureAndPrint(step, { batch, threads, seconds }, version) {
  const warmUntil = performance.now() + seconds * 200;
  for (let i = 0; i < 2 || performance.now() < warmUntil; i++) await step();
  /** @type {number[]} */
  const times = [];
  const until = performance.now() + seconds * 1000;
  while (times.length === 0 || performance.now() < until) {
    const start = performance.now();
    await step();
    times.push(performance.now() - start);
  }
  const msPerStep = median(times);
  /** @type {Measurement} */
  const measurement = {
    imagesPerSecond: round((batch / msPerStep) * 1000),
    msPerStep: round(msPerStep),
    bestMsPerStep: round(Math.min(...times)),
    steps: times.length,
    peakRssBytes: peakBytes(),
    threads,
    version,
  };
  console.log(JSON.stringify(measurement));
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** VmHWM where there is one: getrusage also counts what the parent had before it became this process. */
function peakBytes() {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** @param {number} x */
function round(x) {
  return Number(x.toPrecision(6));
}
