// @ts-check
/**
 * Ours against the peers: node bench/run.js [--quick] [--net lenet5,…] [--mode train,infer] [--batch 128,…] [--threads n]
 * [--rounds n] [--seconds n] [--subject name]
 *
 * Every measurement is a process of its own, and the contestants take turns: one round is each of them once. The table
 * shows medians over the rounds. Results go to results/<subject>.csv, those of quick runs, which last under three minutes,
 * to results/local/.
 */

import { spawnSync } from "node:child_process";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findContestants } from "./contestants.js";
import { nets } from "./nets.js";
import { describePeak, measurePeaks } from "./peak.js";
import { appendCsv, figures, formatTable, machine } from "./report.js";

/** @typedef {import("./contestants.js").Contestant} Contestant */
/** @typedef {import("./measure.js").Measurement} Measurement */
/** @typedef {import("./report.js").Case} Case */

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    net: { type: "string" },
    mode: { type: "string" },
    batch: { type: "string" },
    threads: { type: "string", default: String(os.availableParallelism()) },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string" },
    subject: { type: "string", default: "nets" },
  },
});
const seconds = Number(options.seconds ?? (options.quick ? 1 : 3));
const rounds = Number(options.rounds);
const threads = Number(options.threads);
/** A process that takes longer has no result. */
const limitMs = options.quick ? 30_000 : 150_000;
/** One whose step takes longer gets one round only. */
const slowStepMs = 5_000;

/** @returns {Case[]} */
function listCases() {
  const list = (/** @type {string | undefined} */ text, /** @type {readonly string[]} */ otherwise) =>
    text?.split(",") ?? otherwise;
  const modes = list(options.mode, options.quick ? ["train"] : ["train", "infer"]);
  return list(options.net, Object.keys(nets)).flatMap((net) => {
    if (!nets[net]) throw new Error(`No net ${net}; there are ${Object.keys(nets).join(", ")}.`);
    return modes.flatMap((mode) => {
      if (mode !== "train" && mode !== "infer") throw new Error(`--mode is train or infer, not ${mode}.`);
      const batches = list(options.batch, mode === "infer" ? ["1", "128"] : ["128"]);
      return batches.map((batch) => ({ net, mode, batch: Number(batch), threads }));
    });
  });
}

/**
 * One process; its measurement, or a sentence on why there is none.
 * @param {Contestant} contestant
 * @param {Case} of
 * @param {string | undefined} form
 * @returns {Measurement | string}
 */
function measureOnce(contestant, of, form) {
  const [program, ...first] = contestant.command;
  const words = { model: of.net, mode: of.mode, batch: of.batch, threads: of.threads, seconds, form };
  const rest = Object.entries(words).flatMap(([key, value]) =>
    value === undefined ? [] : [`--${key}`, `${value}`],
  );
  const { stdout, stderr, status, signal } = spawnSync(program, [...first, ...rest], {
    encoding: "utf8",
    env: { ...process.env, ...contestant.environment },
    timeout: limitMs,
  });
  if (signal) return `no result in ${limitMs / 1000} s`;
  const line = stdout.trim().split("\n").at(-1);
  if (status === 0 && line) return JSON.parse(line);
  const errors = stderr.split("\n").filter((text) => /error/i.test(text));
  return (errors.at(-1) ?? stderr.trim().split("\n").at(-1) ?? `exit ${status}`).trim();
}

/**
 * All rounds of one case.
 * @param {readonly Contestant[]} contestants
 * @param {Case} of
 */
function runCase(contestants, of) {
  const entries = contestants.map((contestant) => ({
    contestant,
    rounds: /** @type {Measurement[]} */ ([]),
    failure: "",
    isSlow: false,
  }));
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      if (entry.failure || entry.isSlow) continue;
      const result = measureOnce(entry.contestant, of, entry.rounds[0]?.form);
      if (typeof result === "string") entry.failure = result;
      else {
        entry.rounds.push(result);
        entry.isSlow = result.msPerStep > slowStepMs;
      }
    }
  }
  return entries;
}

/** PyTorch's threads wait for each other actively: on a loaded machine it can lose most of its speed, and we look good. */
function warnOfLoad() {
  const [load] = os.loadavg();
  if (load > 0.5)
    console.log(
      `Other programs run here (load ${load.toFixed(2)}): figures and ratios are not to be trusted.`,
    );
}

const { present, absent } = findContestants();
const contestants = present.filter(({ isSlow }) => !(options.quick && isSlow));
const peaks = measurePeaks([...new Set([1, threads])]);
console.log(machine());
warnOfLoad();
if (typeof peaks === "string") console.log(peaks);
else for (const [count, peak] of peaks) console.log(describePeak(count, peak));
for (const { name, reason } of absent) console.log(`${name} is absent: ${reason}.`);
for (const { name } of present.filter((one) => !contestants.includes(one)))
  console.log(`${name} is left out of quick runs.`);

const folder = options.quick ? "results/local" : "results";
const file = fileURLToPath(new URL(`${folder}/${options.subject}.csv`, import.meta.url));
for (const of of listCases()) {
  const entries = runCase(contestants, of);
  const peak = typeof peaks === "string" ? undefined : peaks.get(of.threads);
  const rows = figures(
    of,
    entries.filter((entry) => entry.rounds.length > 0),
    peak,
  );
  console.log(`\n${formatTable(of, rows)}`);
  for (const { name, version, rounds: count } of rows)
    console.log(`  ${name}: ${version}${count < rounds ? `, ${count} round${count > 1 ? "s" : ""}` : ""}`);
  if (rows.some(({ version }) => version.includes("reference BLAS")))
    console.log(
      "  That BLAS slows PyTorch's linear layers: install libopenblas0-openmp, or set STRIATE_BENCH_BLAS.",
    );
  for (const { contestant, failure } of entries.filter((entry) => entry.failure))
    console.log(`  ${contestant.name} has no result: ${failure}`);
  appendCsv(file, of, rows, peak);
}
console.log(`\nWritten to ${file}`);
