// @ts-check
/**
 * Times TensorFlow.js and prints one JSON line, as ../ours.js does: --backend wasm or cpu. WASM has no gradient of a
 * convolution, so training is timed on cpu alone; elsewhere the library's own error is the result.
 */

import { createRequire } from "node:module";
import path from "node:path";
import { measureAndPrint, readOptions } from "../measure.js";
import { nets } from "../nets.js";

const require = createRequire(import.meta.url);
// The Node builds are CommonJS and share one core, which the ESM builds would not.
const tf = /** @type {any} */ (require("@tensorflow/tfjs"));
const wasm = require("@tensorflow/tfjs-backend-wasm");
const options = readOptions();
wasm.setWasmPaths(path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm")) + path.sep);
await tf.setBackend(options.backend);
await tf.ready();

/** @type {Map<string, any>} */
const variables = new Map();

/**
 * A parameter, made when it is first asked for.
 * @param {string} name
 * @param {number[]} shape
 * @param {number} [value]
 */
function parameter(name, shape, value) {
  let found = variables.get(name);
  if (!found) {
    const fanIn = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const bound = Math.sqrt(6 / fanIn);
    found = tf.variable(value === undefined ? tf.randomUniform(shape, -bound, bound) : tf.fill(shape, value));
    variables.set(name, found);
  }
  return found;
}

/** @typedef {any} Tensor tfjs is an optional peer, so its types may be absent. */

const isTraining = options.mode === "train";

/** @type {(x: Tensor, name: string, c: number, k: number, size: number, stride: number, pad: number) => Tensor} */
function conv(x, name, c, k, size, stride, pad) {
  return tf.conv2d(x, parameter(`${name}.weight`, [size, size, c, k]), stride, pad);
}

/** @type {(x: Tensor, name: string, inputs: number, outputs: number) => Tensor} */
function linear(x, name, inputs, outputs) {
  const product = tf.matMul(x, parameter(`${name}.weight`, [inputs, outputs]));
  return tf.add(product, parameter(`${name}.bias`, [outputs], 0));
}

/** @type {(x: Tensor, name: string, c: number) => Tensor} */
function batchNorm(x, name, c) {
  const statistics = isTraining ? tf.moments(x, [0, 1, 2]) : undefined;
  const mean = statistics?.mean ?? parameter(`${name}.mean`, [c], 0);
  const variance = statistics?.variance ?? parameter(`${name}.var`, [c], 1);
  const [offset, scale] = [parameter(`${name}.bias`, [c], 0), parameter(`${name}.weight`, [c], 1)];
  return tf.batchNorm(x, mean, variance, offset, scale, 1e-5);
}

/** @param {Tensor} x */
function lenet5(x) {
  const layer = (/** @type {Tensor} */ y, /** @type {string} */ name, c = 1, k = 6, pad = 2) =>
    tf.maxPool(tf.relu(tf.add(conv(y, name, c, k, 5, 1, pad), parameter(`${name}.bias`, [k], 0))), 2, 2, 0);
  const flat = tf.reshape(layer(layer(x, "conv1"), "conv2", 6, 16, 0), [x.shape[0], 400]);
  const hidden = tf.relu(linear(tf.relu(linear(flat, "fc1", 400, 120)), "fc2", 120, 84));
  return linear(hidden, "fc3", 84, 10);
}

/** @param {Tensor} x */
function resnet20(x) {
  x = tf.relu(batchNorm(conv(x, "conv1", 3, 16, 3, 1, 1), "bn1", 16));
  let c = 16;
  for (const [stage, k] of [16, 32, 64].entries())
    for (let i = 0; i < 3; i++) {
      const name = `layer${stage + 1}.${i}`;
      const stride = k === c ? 1 : 2;
      const pad = stride === 1 ? 1 : [[0, 0], [1, 0], [1, 0], [0, 0]]; // biome-ignore format: before, after of n, h, w, c
      let y = conv(x, `${name}.conv1`, c, k, 3, stride, /** @type {any} */ (pad));
      y = tf.relu(batchNorm(y, `${name}.bn1`, k));
      y = batchNorm(conv(y, `${name}.conv2`, k, k, 3, 1, 1), `${name}.bn2`, k);
      if (stride === 2) {
        const added = (k - c) / 2;
        // Every second pixel: an average over one pixel with stride 2.
        x = tf.pad(tf.avgPool(x, 1, 2, 0), [[0, 0], [0, 0], [0, 0], [added, added]]); // biome-ignore format: one row
      }
      x = tf.relu(tf.add(y, x));
      c = k;
    }
  return linear(tf.mean(x, [1, 2]), "linear", 64, 10);
}

if (options.model !== "lenet5" && options.model !== "cifar-resnet-20")
  throw new Error(`no model ${options.model} here`);
const forward = { lenet5, "cifar-resnet-20": resnet20 }[options.model];
const x = tf.randomNormal([options.batch, ...nets[options.model].imageShape]);
const classes = Int32Array.from({ length: options.batch }, (_, i) => i % 10);
const labels = tf.cast(tf.oneHot(tf.tensor1d(classes, "int32"), 10), "float32");
tf.tidy(() => forward(tf.slice(x, 0, 1))); // makes the parameters
const optimizer = tf.train.momentum(0.001, 0.9);

async function step() {
  if (!isTraining) {
    const logits = tf.tidy(() => forward(x));
    await logits.data();
    logits.dispose();
    return;
  }
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, forward(x)), true);
  await loss.data();
  loss.dispose();
}

// Neither backend has threads under Node, whatever is asked for.
await measureAndPrint(
  step,
  { ...options, threads: 1 },
  `TensorFlow.js ${tf.version.tfjs} ${options.backend}`,
);
