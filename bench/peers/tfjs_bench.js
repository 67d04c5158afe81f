// @ts-check
/**
 * Times TensorFlow.js as ../measure.js says: backend "wasm" or "cpu". For inference batch norm is folded into convolutions, and bias
 * and ReLU are part of them, as its converter does; training is its own gradients and momentum, without weight decay.
 */

import { createRequire } from "node:module";
import path from "node:path";
import { fromReferenceLayout } from "../../dist/train/index.js";
import { layersOf } from "../layers.js";
import { batchOf, learningRate, readJob, serve } from "../measure.js";
import { modelOf, networkOf } from "../nets.js";
import { openWeights } from "../weights-file.js";

const require = createRequire(import.meta.url);
// The Node builds are CommonJS and share one core, which the ESM builds would not.
const tf = /** @type {any} */ (require("@tensorflow/tfjs"));
const wasm = require("@tensorflow/tfjs-backend-wasm");
const job = readJob();
if (job.mode === "train" && job.backend === "wasm")
  throw new Error("TensorFlow.js does not train on WASM: its convolution has no gradient there");
wasm.setWasmPaths(path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm")) + path.sep);
await tf.setBackend(job.backend);
await tf.ready();

/** @typedef {any} Tensor tfjs is an optional peer, so its types may be absent. */
/** @typedef {import("../layers.js").Layer} Layer */
/** @typedef {Extract<Layer, { kind: "conv2d" }>} Convolution */
/** @typedef {Extract<Layer, { kind: "batchNorm" }>} BatchNorm */

const isTraining = job.mode === "train";
const layers = layersOf(networkOf(job.net, job.mode, job.batch));
const stored = openWeights(job.material.weights);
/** @type {Map<string, Tensor>} */
const values = new Map();
/** What follows a convolution or linear layer and is part of it: results by the name of the layer's own. */
/** @type {Map<string, { y: string, activation?: "relu" }>} */
const fused = new Map();
for (const layer of layers) declare(layer);
if (!isTraining) fuse();

/** @param {Layer} layer */
function declare(layer) {
  const names = /** @type {Record<string, any>} */ (layer);
  for (const key of ["weight", "bias", ...(isTraining ? [] : ["mean", "variance"])]) {
    const name = names[key];
    if (name === undefined) continue;
    const tensor = stored.get(name);
    if (tensor === undefined) throw new Error(`error: no weights ${name}`);
    const isWeight = key === "weight";
    const kind =
      isWeight && layer.kind === "conv2d"
        ? "filter"
        : isWeight && layer.kind === "linear"
          ? "matrix"
          : "vector";
    const { shape, data } = fromReferenceLayout({ shape: tensor.shape, data: tensor.read() }, kind);
    // A depthwise filter [r, s, 1, c·multiplier] is [r, s, c, multiplier] there.
    const { groups = 1 } = names;
    const there = kind === "filter" && groups > 1 ? [shape[0], shape[1], groups, shape[3] / groups] : shape;
    const value = tf.tensor(data, there);
    values.set(name, isTraining ? tf.variable(value) : value);
  }
}

/** Folds batch norm into the convolution before it, and ReLU into both, where nothing else reads what is between. */
function fuse() {
  /** @type {Map<string, Layer[]>} */
  const readers = new Map();
  for (const layer of layers)
    for (const name of Object.values(layer).flat())
      if (typeof name === "string" && name !== layer.y)
        readers.set(name, [...(readers.get(name) ?? []), layer]);
  const onlyReader = (/** @type {string} */ y) =>
    readers.get(y)?.length === 1 ? readers.get(y)?.[0] : undefined;
  const gone = new Set();
  for (const layer of layers) {
    if (layer.kind !== "conv2d" && layer.kind !== "linear") continue;
    let { y } = layer;
    const norm = onlyReader(y);
    if (layer.kind === "conv2d" && norm?.kind === "batchNorm") {
      fold(layer, norm);
      gone.add(norm);
      y = norm.y;
    }
    const relu = onlyReader(y);
    if (relu?.kind === "relu") gone.add(relu);
    fused.set(layer.y, relu?.kind === "relu" ? { y: relu.y, activation: "relu" } : { y });
  }
  layers.splice(0, layers.length, ...layers.filter((layer) => !gone.has(layer)));
}

/**
 * @param {Convolution} layer
 * @param {BatchNorm} norm
 */
function fold(layer, norm) {
  const [weight, bias, mean, variance] = [norm.weight, norm.bias, norm.mean ?? "", norm.variance ?? ""].map(
    (name) => values.get(name),
  );
  const scale = tf.div(weight, tf.sqrt(tf.add(variance, norm.epsilon)));
  const filter = values.get(layer.weight);
  const scaled = layer.groups > 1 ? tf.reshape(scale, filter.shape.slice(2)) : scale;
  values.set(layer.weight, tf.mul(filter, scaled));
  const own = layer.bias === undefined ? 0 : values.get(layer.bias);
  layer.bias ??= `${layer.weight}.folded`;
  values.set(layer.bias, tf.add(bias, tf.mul(tf.sub(own, mean), scale)));
}

/** @param {Tensor} images */
function forward(images) {
  const known = new Map([["x", images]]);
  for (const layer of layers)
    known.set(
      fused.get(layer.y)?.y ?? layer.y,
      compute(layer, (name) => known.get(name) ?? values.get(name)),
    );
  return known.get("logits");
}

/**
 * @param {Layer} layer
 * @param {(name: string) => Tensor} of
 */
function compute(layer, of) {
  switch (layer.kind) {
    case "conv2d":
      return convolve(layer, of);
    case "linear": {
      const bias = layer.bias && of(layer.bias);
      const [a, b] = [of(layer.x), of(layer.weight)];
      const { activation } = fused.get(layer.y) ?? {};
      if (!isTraining) return tf.fused.matMul({ a, b, bias, activation });
      return bias ? tf.add(tf.matMul(a, b), bias) : tf.matMul(a, b);
    }
    case "batchNorm": {
      const x = of(layer.x);
      const { mean, variance } = isTraining
        ? tf.moments(x, [0, 1, 2])
        : { mean: of(layer.mean ?? ""), variance: of(layer.variance ?? "") };
      return tf.batchNorm(x, mean, variance, of(layer.bias), of(layer.weight), layer.epsilon);
    }
    case "maxPool2d":
      return tf.maxPool(of(layer.x), layer.window.kernel, layer.window.stride, padding(layer.window));
    case "avgPool2d":
      return tf.avgPool(of(layer.x), layer.window.kernel, layer.window.stride, padding(layer.window));
    case "globalAveragePool2d":
      return tf.mean(of(layer.x), [1, 2]);
    case "flatten": // Channels first, as the weights behind it are in all that we compare with.
      return tf.reshape(tf.transpose(of(layer.x), [0, 3, 1, 2]), [job.batch, -1]);
    case "relu":
      return tf.relu(of(layer.x));
    case "add":
      return tf.add(of(layer.a), of(layer.b));
    case "concat":
      return tf.concat(layer.parts.map(of), 3);
    case "padChannels":
      return tf.pad(of(layer.x), [[0, 0], [0, 0], [0, 0], [layer.before, layer.after]]); // biome-ignore format: one row
    case "subsample": // An average over one pixel: stepping slices have no gradient there.
      return tf.avgPool(of(layer.x), 1, layer.stride, 0);
  }
}

/**
 * @param {Convolution} layer
 * @param {(name: string) => Tensor} of
 */
function convolve({ x, y, weight, bias, groups, window }, of) {
  const filter = of(weight);
  if (groups > 1 && filter.shape[2] !== of(x).shape[3])
    throw new Error("error: TensorFlow.js has no convolution in groups but the depthwise");
  const [strides, pad, dilations] = [window.stride, padding(window), window.dilation];
  const added = bias && of(bias);
  if (!isTraining) {
    const { activation } = fused.get(y) ?? {};
    const options = { x: of(x), filter, strides, pad, dilations, bias: added, activation };
    return groups > 1 ? tf.fused.depthwiseConv2d(options) : tf.fused.conv2d(options);
  }
  const convolve_ = groups > 1 ? tf.depthwiseConv2d : tf.conv2d;
  const product = convolve_(of(x), filter, strides, pad, "NHWC", dilations);
  return added ? tf.add(product, added) : product;
}

/** @param {import("../layers.js").Window} window */
function padding({ padding: { top, bottom, left, right } }) {
  if (top + bottom + left + right === 0) return "valid";
  return [[0, 0], [top, bottom], [left, right], [0, 0]]; // biome-ignore format: one row
}

const batch = batchOf(job);
const { imageShape, classes } = modelOf(job.net);
const x = tf.tensor(batch.images, [job.batch, ...imageShape]);
const labels = tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(batch.labels), "int32"), classes), "float32");
const optimizer = tf.train.momentum(learningRate, 0.9);

async function infer() {
  const logits = tf.tidy(() => forward(x));
  const result = await logits.data();
  logits.dispose();
  return result;
}

async function train() {
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, forward(x)), true);
  await loss.data();
  loss.dispose();
}

const outputs = [await infer()];
if (isTraining) {
  await train();
  outputs.push(await infer());
}
// Neither backend has threads under Node, whatever is asked for.
await serve(
  { version: `TensorFlow.js ${tf.version.tfjs} ${job.backend}`, threads: 1, outputs },
  isTraining ? train : infer,
);
