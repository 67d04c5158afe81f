// @ts-check
/**
 * What every timed process speaks, one JSON value a line. It is started with a job as its only argument, prepares, and says what it
 * computed (`Ready`). Then it times steps whenever it is asked to (`{"seconds": 2}` → `Turn`), until its input ends.
 * peers/torch_bench.py says the same in Python.
 */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { modelOf } from "./nets.js";

/**
 * @typedef {object} Job
 * @property {string} net
 * @property {"train" | "infer"} mode
 * @property {number} batch
 * @property {number} threads
 * @property {string} backend Engine of ours, or which of a peer's.
 * @property {string} form How a peer is used; "" where there is one way.
 * @property {import("./material.js").Material} material
 */

/**
 * @typedef {object} Ready
 * @property {string} version Of the library and what it runs on.
 * @property {number} threads
 * @property {string[]} outputs float32 as base64: logits [batch, classes]; of training before the first update and after it.
 */

/**
 * @typedef {object} Turn
 * @property {number[]} times Milliseconds of each step.
 * @property {number} peakRssBytes High-water mark of the process so far.
 */

/** Small, so that what an update changes is nearly linear in the gradients, and that many on the same batch do not blow up. */
export const learningRate = 1e-3;

/** @returns {Job} */
export function readJob() {
  return JSON.parse(process.argv[2]);
}

/**
 * Images [n, h, w, c] and labels of a job.
 * @param {Job} job
 */
export function batchOf({ net, batch, material }) {
  const { buffer, byteOffset, byteLength } = readFileSync(material.images);
  const { classes } = modelOf(net);
  return {
    images: new Float32Array(buffer, byteOffset, byteLength / 4),
    labels: Float32Array.from({ length: batch }, (_, i) => i % classes),
  };
}

/**
 * Checks in and takes turns until the input ends.
 * @param {{ version: string, threads: number, outputs: readonly Float32Array[] }} ready
 * @param {() => Promise<unknown> | unknown} step
 */
export async function serve({ version, threads, outputs }, step) {
  const encoded = outputs.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength).toString("base64"),
  );
  say(/** @type {Ready} */ ({ version, threads, outputs: encoded }));
  let lastMs = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const { seconds } = JSON.parse(line);
    if (lastMs < seconds * 1000) await warmUp(step, seconds / 5);
    const times = await timeSteps(step, seconds);
    lastMs = times[times.length - 1];
    say(/** @type {Turn} */ ({ times, peakRssBytes: peakBytes() }));
  }
}

/**
 * Steps for `seconds`, at least one. A step that is longer than a turn needs none after the first turn: what it finds in caches when
 * it begins is a small part of it.
 * @param {() => Promise<unknown> | unknown} step
 * @param {number} seconds
 */
async function warmUp(step, seconds) {
  const until = performance.now() + seconds * 1000;
  do await step();
  while (performance.now() < until);
}

/**
 * Milliseconds of each step for `seconds`, at least one.
 * @param {() => Promise<unknown> | unknown} step
 * @param {number} seconds
 */
async function timeSteps(step, seconds) {
  /** @type {number[]} */
  const times = [];
  const until = performance.now() + seconds * 1000;
  do {
    const start = performance.now();
    await step();
    times.push(performance.now() - start);
  } while (performance.now() < until);
  return times;
}

/** @param {unknown} value */
function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
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
