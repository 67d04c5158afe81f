// @ts-check
/**
 * Ours against the peers: npm run bench -- [--quick] [--nets lenet5,…] [--modes train,infer] [--batch 1,16] [--engines wasm,…]
 * [--peers torch,ort,ort-web,tfjs-wasm,tfjs-cpu] [--threads n] [--rounds n] [--seconds n] [--subject name] [--install]
 *
 * Every contestant is a process of its own. In a case all are started and must compute the same; then they take turns, one round
 * being each of them once. The table shows medians over the rounds. Results go to results/<subject>.csv, those of quick runs,
 * which last under three minutes, to results/local/.
 */

import os from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findContestants, installPeers } from "./contestants.js";
import { materialOf } from "./material.js";
import { flopPerImage, netNamed, nets } from "./nets.js";
import { describePeak, measurePeaks } from "./peak.js";
import { Csv, figures, formatTable, machine, netCells, netColumns, warningsOfLoad } from "./report.js";
import { runCase } from "./turns.js";

/** @typedef {import("./nets.js").Mode} Mode */

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    install: { type: "boolean", default: false },
    nets: { type: "string" },
    modes: { type: "string" },
    batch: { type: "string" },
    engines: { type: "string" },
    peers: { type: "string" },
    threads: { type: "string", default: String(os.availableParallelism()) },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string" },
    subject: { type: "string", default: "nets" },
  },
});
const threads = wholeNumber("threads", options.threads);
const limits = {
  rounds: wholeNumber("rounds", options.rounds),
  seconds: Number(options.seconds ?? (options.quick ? 0.3 : 2)),
  answerMs: options.quick ? 40_000 : 150_000,
};

/** What a quick run has: training and inference, a small net and a large one. */
const quickCases = /** @type {const} */ ([
  { net: "lenet5", mode: "train", batch: 128 },
  { net: "cifar-resnet-20", mode: "train", batch: 128 },
  { net: "mobilenet-v1", mode: "infer", batch: 1 },
  { net: "resnet18", mode: "infer", batch: 1 },
]);

/** @returns {import("./turns.js").Case[]} */
function listCases() {
  const wanted = list(options.nets) ?? nets.map(({ name }) => name);
  for (const net of wanted) netNamed(net);
  const modes = list(options.modes) ?? ["infer", "train"];
  for (const mode of modes)
    if (mode !== "train" && mode !== "infer") fail(`--modes are train and infer, not ${mode}.`);
  const batches = list(options.batch)?.map((text) => wholeNumber("batch", text));
  const chosen = options.nets !== undefined || options.modes !== undefined || batches !== undefined;
  const cases =
    options.quick && !chosen
      ? quickCases
      : wanted.flatMap((net) =>
          /** @type {Mode[]} */ (modes).flatMap((mode) =>
            (batches ?? (mode === "infer" ? [1, 16] : [netNamed(net).trainBatch])).map((batch) => ({
              net,
              mode,
              batch,
            })),
          ),
        );
  return cases.map((of) => ({ ...of, threads, flop: of.batch * flopPerImage(of.net, of.mode) }));
}

/** Those asked for; without being asked, slow ones are left out of quick runs, and the js engine, which is a reference, of all. */
function chooseContestants() {
  const { present, absent } = findContestants();
  const asked = { ours: list(options.engines), peers: list(options.peers) };
  for (const id of [...(asked.ours ?? []), ...(asked.peers ?? [])]) {
    const known = [...present, ...absent].map((each) => each.id);
    if (id !== "none" && !known.includes(id))
      fail(`No contestant ${id}; there are ${known.join(", ")}, and none.`);
  }
  const isAsked = (/** @type {{ id: string, isOurs: boolean }} */ { id, isOurs }) =>
    (isOurs ? asked.ours : asked.peers)?.includes(id);
  const chosen = present.filter((each) => isAsked(each) ?? !(each.isSlow && (options.quick || each.isOurs)));
  const left = present.filter((each) => !chosen.includes(each) && isAsked(each) === undefined);
  return { chosen, left, missing: absent.filter((each) => isAsked(each) ?? true) };
}

/** @param {string | undefined} text */
function list(text) {
  return text?.split(",").map((each) => each.trim());
}

/**
 * @param {string} name
 * @param {string} text
 */
function wholeNumber(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    fail(`--${name} is ${text}, but must be a whole number of at least 1.`);
  return value;
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

if (options.install) installPeers();
const cases = listCases();
const { chosen, left, missing } = chooseContestants();
console.log(machine());
for (const line of warningsOfLoad()) console.log(line);
const peaks = measurePeaks([...new Set([1, threads])]);
if (typeof peaks === "string") console.log(peaks);
else for (const [count, each] of peaks) console.log(describePeak(count, each));
const peak = typeof peaks === "string" ? undefined : peaks.get(threads);
for (const { name, reason } of missing) console.log(`${name} is absent: ${reason}.`);
for (const { id, name } of left)
  console.log(`${name} is left out of this run; --engines or --peers ${id} takes it in.`);

const folder = options.quick ? "results/local" : "results";
const csv = new Csv(fileURLToPath(new URL(`${folder}/${options.subject}.csv`, import.meta.url)), netColumns);
for (const of of cases) {
  const entries = await runCase(chosen, of, materialOf(of.net, of.batch), limits);
  const rows = figures(of, entries, peak);
  console.log(`\n${formatTable(of, rows)}`);
  for (const { name, version, threads: count, rounds, measured } of rows)
    if (measured !== undefined)
      console.log(
        `  ${name}: ${version}${count === threads ? "" : `, ${count} thread${count > 1 ? "s" : ""}`}` +
          `${rounds < limits.rounds ? `, ${rounds} round${rounds > 1 ? "s" : ""}` : ""}`,
      );
  if (rows.some(({ version }) => version.includes("reference BLAS")))
    console.log(
      "  That BLAS slows PyTorch's linear layers: install libopenblas0-openmp, or set STRIATE_BENCH_BLAS.",
    );
  for (const { name, measured, failure } of rows.filter((each) => each.failure))
    console.log(`  ${name} ${measured ? "did not end its rounds" : "has no result"}: ${failure}`);
  csv.append(netCells(of, rows, peak));
}
console.log(`\nWritten to ${csv.file}`);
