// @ts-check
/**
 * A network of ours as a list of plain layers, for peers that are told a network operation by operation: ONNX, TensorFlow.js.
 * Values and parameters are known by name; windows have their padding spelled out, with the overhang of rounding up in it.
 */

import { orderOf } from "../dist/graph/order.js";
import { poolSlides } from "../dist/ops/pooling.js";
import { pair, slides } from "../dist/ops/window.js";

/**
 * @typedef {object} Window
 * @property {readonly [number, number]} kernel
 * @property {readonly [number, number]} stride
 * @property {readonly [number, number]} dilation
 * @property {{ top: number, bottom: number, left: number, right: number }} padding
 */

/**
 * @typedef {{ kind: "conv2d", x: string, weight: string, bias?: string, groups: number, window: Window }} Convolution
 * @typedef {{ kind: "maxPool2d" | "avgPool2d", x: string, window: Window }} Pooling
 * @typedef {object} BatchNorm `mean` and `variance` are absent in training, which takes those of the batch.
 * @property {"batchNorm"} kind
 * @property {string} x
 * @property {string} weight
 * @property {string} bias
 * @property {string} [mean]
 * @property {string} [variance]
 * @property {number} epsilon
 * @typedef {{ kind: "linear", x: string, weight: string, bias?: string }} Linear
 * @typedef {{ kind: "relu" | "flatten" | "globalAveragePool2d", x: string }} Plain
 * @typedef {{ kind: "add", a: string, b: string }} Addition
 * @typedef {{ kind: "concat", parts: readonly string[] }} Concatenation Of channels.
 * @typedef {{ kind: "padChannels", x: string, before: number, after: number }} ChannelPadding
 * @typedef {{ kind: "subsample", x: string, stride: readonly [number, number] }} Subsampling
 * @typedef {Convolution | Pooling | BatchNorm | Linear | Plain | Addition | Concatenation | ChannelPadding | Subsampling} Work
 * @typedef {Work & { y: string }} Layer The layer that computes y.
 */

/** @typedef {import("../dist/ops/operation.js").Tensor} Tensor */

/**
 * The layers that compute "logits" from "x". Throws where an operation has no translation.
 * @param {import("../dist/nn/network.js").Network} network
 * @returns {Layer[]}
 */
export function layersOf({ outputs: { logits } }) {
  const nameOf = (/** @type {Tensor} */ tensor) => {
    if (tensor === logits) return "logits";
    return tensor.role === "computed" ? `t${tensor.id}` : tensor.name;
  };
  const order = orderOf([logits]);
  const parts = new Set(order.flatMap(({ node }) => (isBatchNorm(node) ? [...batchNormOf(node).parts] : [])));
  return order.flatMap((tensor) =>
    tensor.node === undefined || parts.has(tensor)
      ? []
      : [{ y: nameOf(tensor), ...translate(tensor.node, nameOf) }],
  );
}

/** @typedef {import("../dist/ops/operation.js").Node} Node */

/**
 * @param {Node | undefined} node
 * @returns {node is Node}
 */
function isBatchNorm(node) {
  return node?.operation.name === "batchNormalize";
}

/**
 * Batch normalisation is several operations, another few in training than at inference: what is lasting among all they read, by the
 * name they read it under, and the tensors between.
 * @param {Node} node
 */
function batchNormOf(node) {
  /** @type {Record<string, Tensor>} */
  const lasting = {};
  /** @type {Set<Tensor>} */
  const parts = new Set();
  let epsilon = 1e-5;
  const walk = (/** @type {Node} */ { inputs, attributes }) => {
    if (typeof attributes === "object" && attributes !== null && "epsilon" in attributes)
      epsilon = Number(attributes.epsilon);
    for (const [name, tensor] of Object.entries(inputs)) {
      if (name === "x") continue;
      if (tensor.node === undefined) lasting[name] = tensor;
      else if (!parts.has(tensor)) {
        parts.add(tensor);
        walk(tensor.node);
      }
    }
  };
  walk(node);
  return { lasting, parts, epsilon };
}

/**
 * @param {Node} node
 * @param {(tensor: Tensor) => string} nameOf
 * @returns {Work}
 */
function translate(node, nameOf) {
  const { operation, inputs, attributes } = node;
  const { name } = operation;
  /** @type {any} Names by the operation's own inputs. */
  const given = Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, nameOf(tensor)]));
  /** @type {any} Attributes are of the operation's own type. */
  const options = attributes;
  switch (name) {
    case "conv2d": {
      const [, h, w] = inputs.x.shape;
      const [r, s] = inputs.weight.shape;
      return {
        kind: name,
        ...given,
        groups: options.groups ?? 1,
        window: windowOf(slides(h, w, { ...options, kernel: [r, s] })),
      };
    }
    case "maxPool2d":
    case "avgPool2d": {
      const window = windowOf(poolSlides(inputs.x.shape, options));
      // What padded places count as differs from library to library, and no net here needs to know.
      if (name === "avgPool2d" && Object.values(window.padding).some((each) => each > 0))
        throw new Error(`bench: average pooling with padding has no translation for peers.`);
      return { kind: name, ...given, window };
    }
    case "batchNormalize": {
      const { lasting, epsilon } = batchNormOf(node);
      const names = Object.fromEntries(Object.entries(lasting).map(([key, tensor]) => [key, nameOf(tensor)]));
      const { weight, bias, mean, variance } = names;
      return { kind: "batchNorm", x: given.x, weight, bias, ...(mean && { mean, variance }), epsilon };
    }
    case "relu":
    case "flatten":
    case "globalAveragePool2d":
    case "linear":
    case "add":
      return { kind: name, ...given };
    case "concat":
      return { kind: name, parts: Object.values(given) };
    case "subsample":
      return { kind: name, ...given, stride: pair(options.stride) };
    case "pad": {
      const before = options.before.at(-1);
      return { kind: "padChannels", ...given, before, after: options.after.at(-1) };
    }
    default:
      throw new Error(`bench: the operation ${name} has no translation for peers.`);
  }
}

/**
 * @param {readonly import("../dist/ops/window.js").Slide[]} both
 * @returns {Window}
 */
function windowOf([v, h]) {
  return {
    kernel: [v.kernel, h.kernel],
    stride: [v.stride, h.stride],
    dilation: [v.dilation, h.dilation],
    padding: { top: v.before, bottom: reach(v), left: h.before, right: reach(h) },
  };
}

/**
 * How far the last window goes beyond the last place.
 * @param {import("../dist/ops/window.js").Slide} slide
 */
function reach({ input, output, kernel, stride, dilation, before }) {
  return Math.max(0, (output - 1) * stride + dilation * (kernel - 1) + 1 - before - input);
}
