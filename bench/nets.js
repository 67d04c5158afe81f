// @ts-check
/** The networks that are timed, by the models of ours that they are, and what one image costs in multiply-adds. */

import { modelNamed, models, summarize } from "../dist/models/index.js";
import { build } from "../dist/nn/index.js";

/**
 * @typedef {object} Net
 * @property {string} name
 * @property {readonly string[]} models Names in our registry: the first that is there.
 * @property {number} trainBatch
 */

/** The torchvision form of GoogLeNet, because that is what peers have. */
// biome-ignore format: one line a net
export const nets = /** @type {readonly Net[]} */ ([
  { name: "lenet5", models: ["lenet5"], trainBatch: 128 },
  { name: "cifar-resnet-20", models: ["cifar-resnet-20"], trainBatch: 128 },
  { name: "resnet18", models: ["resnet18"], trainBatch: 16 },
  { name: "resnet50", models: ["resnet50"], trainBatch: 8 },
  { name: "vgg16", models: ["vgg16"], trainBatch: 8 },
  { name: "mobilenet-v1", models: ["mobilenet-v1", "mobilenet-v1-1.0-224"], trainBatch: 16 },
  { name: "squeezenet1-1", models: ["squeezenet1-1", "squeezenet-1.1"], trainBatch: 16 },
  { name: "densenet121", models: ["densenet121"], trainBatch: 8 },
  { name: "googlenet", models: ["googlenet-torchvision", "googlenet"], trainBatch: 16 },
]);

/** @typedef {"train" | "infer"} Mode */

/**
 * Throws where there is no such net.
 * @param {string} name
 */
export function netNamed(name) {
  const net = nets.find((each) => each.name === name);
  if (net === undefined)
    throw new Error(`No net ${name}; there are ${nets.map((each) => each.name).join(", ")}.`);
  return net;
}

/**
 * Our model of a net, without dropout: its random numbers would keep losses from being compared.
 * @param {string} name
 */
export function modelOf(name) {
  const { models: names } = netNamed(name);
  const found = names.find((each) => models.some((model) => model.name === each));
  const { input, classes, build: make } = modelNamed(found ?? names[0]);
  const options = { classes, dropout: 0 };
  return { imageShape: input, classes, layer: () => make(options) };
}

/**
 * @param {string} name
 * @param {Mode} [mode] Default "infer".
 * @param {number} [batch] Default 1.
 */
export function networkOf(name, mode = "infer", batch = 1) {
  const { imageShape, layer } = modelOf(name);
  return build(layer(), { input: [batch, ...imageShape], training: mode === "train" });
}

/**
 * Floating-point operations of one image, two a multiply-add of convolutions and linear layers. Training is the forward pass,
 * the gradients of the weights and those of the inputs: three times forward, less the input of the first convolution.
 * @param {string} name
 * @param {Mode} mode
 */
export function flopPerImage(name, mode) {
  const { rows, totals } = summarize(networkOf(name));
  const first = rows.find(({ macs }) => macs > 0)?.macs ?? 0;
  return 2 * (mode === "train" ? 3 * totals.macs - first : totals.macs);
}
