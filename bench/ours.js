// @ts-check
/**
 * Times Striate and prints one JSON line: node bench/ours.js --model lenet5 --batch 128 --threads 2 --mode train
 * --seconds 3 --backend wasm. A step is what the trainer does with a batch: images copied in, loss and logits out.
 */

import * as engines from "../dist/engines/index.js";
import { modelNamed } from "../dist/models/registry.js";
import { randomUniform } from "../dist/tensor/index.js";
import { createLearner } from "../dist/train/compiled-learner.js";
import { sgd, version } from "../dist/train/index.js";
import { measureAndPrint, readOptions } from "./measure.js";
import { nets } from "./nets.js";

const options = readOptions();
const { imageShape, classes } = nets[options.model];
/** @type {any} Which engines there are changes from build to build. */
const openEngine = engines;
const engine = await openEngine[`${options.backend}Engine`]({ threads: options.threads });
const learner = await createLearner({
  model: modelNamed(options.model).build({ classes }),
  imageShape,
  engine,
  optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
});
const { batch } = options;
const pixels = imageShape[0] * imageShape[1] * imageShape[2];
const images = Float32Array.from({ length: batch * pixels }, (_, i) => 2 * randomUniform(1, i) - 1);
const labels = Float32Array.from({ length: batch }, (_, i) => i % classes);
let step = 0;

await measureAndPrint(
  () =>
    options.mode === "train"
      ? learner.trainStep(images, labels, batch, { step: step++, learningRate: 0.001 })
      : learner.evaluate(images, labels, batch),
  { ...options, threads: engine.threads },
  `Striate ${version} ${engine.name}, Node ${process.versions.node}`,
);
learner.dispose();
engine.dispose();
