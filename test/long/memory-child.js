/**
 * Works for as long as the test of memory wants, and writes how much memory the process has: one line of JSON, the resident
 * bytes after each tenth of the work. Arguments: "steps" or "loads", how many, and "wasm" or "native".
 */

import { setTimeout as sleep } from "node:timers/promises";
import { openEngine } from "../../dist/engines/native/index.js";
import { createLearner, modelNamed, sgd } from "../../dist/index.js";

const [what, times, name] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const batch = 8;
const images = Float32Array.from({ length: batch * 28 * 28 }, (_, i) => Math.sin(i));
const labels = Float32Array.from({ length: batch }, (_, i) => i);

const engine = await openEngine(name, { threads: what === "steps" ? 1 : 2 });
const open = () =>
  createLearner({
    model: modelNamed("lenet5").build(),
    imageShape: [28, 28, 1],
    engine,
    optimizer: sgd({ momentum: 0.9 }),
  });

let work;
if (what === "steps") {
  const learner = await open();
  work = (step) => learner.trainStep(images, labels, batch, { step, learningRate: 0.01 });
} else {
  work = async () => {
    const learner = await open();
    await learner.evaluate(images, labels, batch);
    learner.dispose();
  };
}

/** The least of some looks: a thread that is about to end still has its memory. */
async function residentBytes() {
  let least = Infinity;
  for (let look = 0; look < 5; look++) {
    globalThis.gc();
    await sleep(50);
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least;
}

const resident = [];
for (let i = 0; i < times; i++) {
  await work(i);
  if ((i + 1) % (times / 10) === 0) resident.push(await residentBytes());
}
engine.dispose();
console.log(JSON.stringify(resident));
