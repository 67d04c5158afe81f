// @ts-check
/**
 * What threads cost where there is next to nothing to do: node bench/barrier.js [--engines native,wasm] [--threads 1,2,4] [--rounds n]
 *
 * A plan of many tiny steps tells what the end of a step costs, and LeNet-5 on one image whether a small net is slowed down. Numbers
 * of threads take turns. Results go to results/local/barrier.csv.
 */

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { plan, StateLayout } from "../dist/graph/index.js";
import { createLearner, models } from "../dist/index.js";
import { avgPool2d } from "../dist/ops/avg-pool2d.js";
import { input } from "../dist/ops/operation.js";
import { engineNames, hasEngine, openEngine } from "./engine.js";
import { median } from "./measure.js";
import { alignColumns, Csv, machine, short, warningsOfLoad } from "./report.js";

/** Windows are not fused into one another, so each is a step. */
const stepCount = 500;
const runsInRound = 20;

const { values: options } = parseArgs({
  options: {
    engines: { type: "string" },
    threads: { type: "string", default: "1,2,4" },
    rounds: { type: "string", default: "15" },
  },
});
const names = (
  options.engines ?? engineNames.filter((name) => name !== "js" && hasEngine(name)).join()
).split(",");
const threadCounts = options.threads.split(",").map(Number);
const rounds = Number(options.rounds);

console.log(machine());
for (const line of warningsOfLoad()) console.log(line);
const beyond = threadCounts.filter((threads) => threads > availableParallelism());
if (beyond.length > 0)
  console.log(`There are ${availableParallelism()} cores: ${beyond.join(" and ")} threads share them.`);

const file = fileURLToPath(new URL("results/local/barrier.csv", import.meta.url));
const csv = new Csv(file, ["engine", "threads", "rounds", "what", "us", "fastest", "slowest"]);
const lines = [["engine", "threads", "µs a step", "fastest", "µs a barrier", "LeNet-5, µs", "fastest"]];
for (const name of names) {
  const contestants = await Promise.all(threadCounts.map((threads) => contestant(name, threads)));
  for (let round = 0; round < rounds; round++)
    for (const { tasks } of contestants) for (const task of tasks) task.times.push(await timed(task.run));
  /** @type {number | undefined} */
  let alone;
  for (const { threads, tasks, dispose } of contestants) {
    const [steps, lenet] = tasks.map(({ what, times, parts }) => {
      const us = times.map((ms) => (1000 * ms) / parts);
      const [middle, fastest, slowest] = [median(us), Math.min(...us), Math.max(...us)];
      csv.append([[name, threads, rounds, what, middle, fastest, slowest]]);
      return { middle, fastest };
    });
    alone ??= threads === 1 ? steps.middle : undefined;
    const barrier = threads > 1 && alone !== undefined ? short(steps.middle - alone) : "";
    const figures = [steps.middle, steps.fastest].map(short);
    lines.push([name, `${threads}`, ...figures, barrier, short(lenet.middle), short(lenet.fastest)]);
    dispose();
  }
}
for (const line of alignColumns(lines)) console.log(line);
console.log(`\nWritten to ${file}`);

/**
 * @param {string} name
 * @param {number} threads
 */
async function contestant(name, threads) {
  // The steps are shared however little there is to do; LeNet-5 is as it is for users.
  const shared = await openEngine(name, threads, { leastSharedWork: 0 });
  const state = new StateLayout();
  let y = input("x", [1, 4, 4, 8]);
  for (let step = 0; step < stepCount; step++) y = avgPool2d({ x: y }, { kernel: 3, stride: 1, padding: 1 });
  const tiny = plan({ outputs: { y }, state });
  if (tiny.steps.length !== stepCount) throw new Error(`the plan has ${tiny.steps.length} steps`);
  const program = await (await shared.open(state)).load(tiny);
  const x = Float32Array.from({ length: 128 }, (_, i) => i % 7);

  const engine = await openEngine(name, threads);
  const learner = await createLearner({ model: models.lenet5(), imageShape: [28, 28, 1], engine });
  const image = new Float32Array(784).fill(0.5);
  const label = Float32Array.of(3);
  const tasks = [
    { what: "step", parts: stepCount * runsInRound, run: () => program.run({ x }) },
    { what: "lenet5", parts: runsInRound, run: () => learner.evaluate(image, label, 1) },
  ].map((task) => ({ ...task, times: /** @type {number[]} */ ([]) }));
  for (const { run } of tasks) for (let i = 0; i < 3; i++) await timed(run);
  const dispose = () => {
    for (const each of [shared, engine]) each.dispose();
  };
  return { threads, tasks, dispose };
}

/**
 * Milliseconds of a round.
 * @param {() => Promise<unknown>} run
 */
async function timed(run) {
  const start = performance.now();
  for (let i = 0; i < runsInRound; i++) await run();
  return performance.now() - start;
}
