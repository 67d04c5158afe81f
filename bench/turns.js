// @ts-check
/** One case: all contestants are started and held against the first, then take turns, one working while the others are stopped. */

import { compare, decodeFloats } from "./agreement.js";
import { Child } from "./child.js";
import { cannotTrain } from "./contestants.js";
import { median } from "./measure.js";

/** @typedef {import("./contestants.js").Contestant} Contestant */
/** @typedef {import("./measure.js").Job} Job */
/** @typedef {import("./measure.js").Ready} Ready */

/**
 * @typedef {object} Case
 * @property {string} net
 * @property {import("./nets.js").Mode} mode
 * @property {number} batch
 * @property {number} threads
 * @property {number} flop Floating-point operations of a step.
 */

/**
 * @typedef {object} Round
 * @property {number} msPerStep Median.
 * @property {number} steps
 */

/**
 * @typedef {object} Entry
 * @property {Contestant} contestant
 * @property {string} version
 * @property {number} threads
 * @property {number} distance Of its outputs from the first contestant's, in standard deviations.
 * @property {Round[]} rounds
 * @property {number} peakRssBytes
 * @property {string} failure "", or why it has no result or not all of its rounds.
 */

/**
 * @typedef {object} Limits
 * @property {number} rounds
 * @property {number} seconds Timed in a turn.
 * @property {number} answerMs For starting, and for a turn beyond its seconds.
 */

/** Whose step takes longer gets one round only. */
const slowStepMs = 20_000;

/** Whose first step can be foreseen to take longer is not started. */
const hopelessStepMs = 60_000;

/** The most GFLOP/s that a contestant, by its id, has had in this run: what tells how long a step will take. */
/** @type {Map<string, number>} */
const seen = new Map();

/**
 * @param {readonly Contestant[]} contestants
 * @param {Case} of
 * @param {import("./material.js").Material} material
 * @param {Limits} limits
 * @returns {Promise<Entry[]>}
 */
export async function runCase(contestants, of, material, limits) {
  /** @type {{ entry: Entry, child: Child }[]} */
  const running = [];
  /** @type {Entry[]} */
  const entries = [];
  /** @type {Float32Array[] | undefined} */
  let reference;
  for (const contestant of contestants) {
    /** @type {Entry} */
    const entry = {
      contestant,
      version: "",
      threads: 0,
      distance: 0,
      rounds: [],
      peakRssBytes: 0,
      failure: "",
    };
    entries.push(entry);
    entry.failure = whyNot(contestant, of);
    if (entry.failure) continue;
    const job = { ...of, backend: contestant.backend, form: "", material };
    const started = await startFastest(contestant, job, limits);
    if (typeof started === "string") {
      entry.failure = started;
      continue;
    }
    const outputs = started.ready.outputs.map(decodeFloats);
    reference ??= outputs;
    const { distance, problem } = compare(outputs, reference);
    Object.assign(entry, { version: started.ready.version, threads: started.ready.threads, distance });
    if (problem === undefined) running.push({ entry, child: started.child });
    else {
      entry.failure = `computes something else: ${problem}`;
      await started.child.ended();
    }
  }
  for (let round = 0; round < limits.rounds; round++)
    for (const { entry, child } of running) {
      if (entry.failure || (entry.rounds[0]?.msPerStep ?? 0) > slowStepMs) continue;
      const turn = await child.turn(limits.seconds, limits.answerMs + limits.seconds * 1000);
      if (typeof turn === "string") entry.failure = turn;
      else {
        const msPerStep = median(turn.times);
        entry.rounds.push({ msPerStep, steps: turn.times.length });
        entry.peakRssBytes = turn.peakRssBytes;
        seen.set(entry.contestant.id, Math.max(rateOf(entry.contestant), of.flop / msPerStep / 1e6));
      }
    }
  await Promise.all(running.map(({ child }) => child.ended()));
  return entries;
}

/** @param {Contestant} contestant */
const rateOf = (contestant) => seen.get(contestant.id) ?? 0;

/**
 * Why a contestant is not even started; "" where it is.
 * @param {Contestant} contestant
 * @param {Case} of
 */
function whyNot(contestant, { mode, flop }) {
  if (!contestant.modes.includes(mode))
    return /** @type {Record<string, string>} */ (cannotTrain)[contestant.id] ?? `it has no mode ${mode}`;
  const rate = rateOf(contestant);
  const foreseenMs = flop / rate / 1e6;
  if (rate > 0 && foreseenMs > hopelessStepMs)
    return `not started: at its ${rate.toPrecision(2)} GFLOP/s a step would take ${(foreseenMs / 1000).toFixed(0)} s`;
  return "";
}

/**
 * A contestant that is ready and stopped, in the fastest of its forms; a sentence where no form gets ready.
 * @param {Contestant} contestant
 * @param {Job} job
 * @param {Limits} limits
 */
async function startFastest(contestant, job, limits) {
  const forms = contestant.forms?.[job.mode] ?? [""];
  if (forms.length === 1) return start(contestant, { ...job, form: forms[0] }, limits.answerMs);
  /** @type {{ form: string, ms: number }[]} */
  const tried = [];
  let failure = "";
  for (const form of forms) {
    const trial = await start(contestant, { ...job, form }, limits.answerMs);
    const turn =
      typeof trial === "string"
        ? trial
        : await trial.child.turn(Math.min(0.5, limits.seconds), limits.answerMs);
    if (typeof trial !== "string") await trial.child.ended();
    if (typeof turn === "string") failure = turn;
    else tried.push({ form, ms: median(turn.times) });
  }
  if (tried.length === 0) return failure;
  const { form } = tried.reduce((best, each) => (each.ms < best.ms ? each : best));
  return start(contestant, { ...job, form }, limits.answerMs);
}

/**
 * @param {Contestant} contestant
 * @param {Job} job
 * @param {number} limitMs
 * @returns {Promise<{ child: Child, ready: Ready } | string>}
 */
async function start(contestant, job, limitMs) {
  const child = new Child(contestant, job);
  const ready = await child.answer(limitMs);
  if (typeof ready === "string") {
    await child.ended();
    return ready;
  }
  child.pause();
  return { child, ready };
}
