// @ts-check
/** Times Striate as measure.js says. A step is what the trainer does with a batch: images copied in, loss and logits out. */

import { createLearner, fromReferenceLayout, sgd, version } from "../dist/train/index.js";
import { openEngine } from "./engine.js";
import { batchOf, learningRate, readJob, serve } from "./measure.js";
import { modelOf } from "./nets.js";
import { openWeights } from "./weights-file.js";

const job = readJob();
const { batch } = job;
const engine = await openEngine(job.backend, job.threads);
const { imageShape, layer } = modelOf(job.net);
const optimizer = job.mode === "train" ? sgd({ momentum: 0.9, weightDecay: 1e-4 }) : sgd();
const learner = await createLearner({ model: layer(), imageShape, engine, optimizer, initialize: false });
load(job.material.weights);
const { images, labels } = batchOf(job);
let step = 0;

/** Both give logits. */
const train = async () =>
  (await learner.trainStep(images, labels, batch, { step: step++, learningRate })).logits.slice();
const infer = async () => (await learner.evaluate(images, labels, batch)).logits.slice();

await serve(
  {
    version: `Striate ${version} ${engine.name}, Node ${process.versions.node}`,
    threads: engine.threads,
    outputs: job.mode === "train" ? [await train(), await train()] : [await infer()],
  },
  job.mode === "train" ? train : infer,
);
learner.dispose();
engine.dispose();

/**
 * Replaces the values the learner began with, array by array; velocities are zero.
 * @param {string} file
 */
function load(file) {
  const stored = openWeights(file);
  // One after the other in the same memory: what is left over would count in the peak.
  let room = new Float32Array(0);
  const lazily = (
    /** @type {import("../dist/graph/state-layout.js").StateEntry} */ { name, shape, kind },
  ) => ({
    shape,
    kind,
    get data() {
      const found = stored.get(name);
      if (found === undefined) return new Float32Array(shape.reduce((a, b) => a * b, 1));
      const data = found.read();
      if (room.length < data.length) room = new Float32Array(data.length);
      return fromReferenceLayout({ shape: found.shape, data }, kind, room.subarray(0, data.length)).data;
    },
  });
  const { entries } = learner.plan("evaluate", 1).state;
  learner.restore(new Map([...entries.values()].map((entry) => [entry.name, lazily(entry)])));
}
