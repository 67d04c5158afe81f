// @ts-check
/**
 * Layers as an ONNX model, for ONNX Runtime: opset 13, float32, images [n, c, h, w], any n. Numbers of fields are those of
 * onnx.proto3, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */

import { float, integer, message, string } from "./protobuf.js";

/** @typedef {import("./protobuf.js").Chunks} Chunks */
/** @typedef {import("./layers.js").Layer} Layer */
/** @typedef {import("./layers.js").Window} Window */
/** @typedef {{ readonly shape: readonly number[], readonly data: Float32Array }} HostTensor */

const elementTypes = { float: 1, int64: 7 };
const attributeTypes = { float: 1, int: 2, ints: 7 };

/**
 * The bytes of a model from "x" [n, c, h, w] to "logits" [n, classes], in chunks.
 * @param {readonly Layer[]} layers
 * @param {ReadonlyMap<string, HostTensor>} weights By name, in PyTorch's layout, which is also ONNX's.
 * @param {{ imageShape: readonly [h: number, w: number, c: number], classes: number }} sizes
 * @returns {Chunks}
 */
export function onnxModel(layers, weights, { imageShape: [h, w, c], classes }) {
  const graph = [
    ...layers.flatMap((layer) => nodesOf(layer)).flatMap((each) => message(1, each)),
    ...string(2, "network"),
    ...[...weights].flatMap(([name, tensor]) => message(5, floats(name, tensor))),
    ...layers.flatMap((layer) => constantsOf(layer)).flatMap((each) => message(5, each)),
    ...message(11, valueInfo("x", [c, h, w])),
    ...message(12, valueInfo("logits", [classes])),
  ];
  const opset = [...string(1, ""), ...integer(2, 13)];
  return [...integer(1, 7), ...string(2, "striate-bench"), ...message(7, graph), ...message(8, opset)];
}

/**
 * @param {Layer} layer
 * @returns {Chunks[]}
 */
function nodesOf(layer) {
  const { kind, y } = layer;
  switch (kind) {
    case "conv2d": {
      const { x, weight, bias, groups, window } = layer;
      const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
      return [node("Conv", inputs, y, { ...windowAttributes(window), group: groups })];
    }
    case "maxPool2d":
      return [node("MaxPool", [layer.x], y, windowAttributes(layer.window))];
    case "avgPool2d": {
      const { dilations: _, ...attributes } = windowAttributes(layer.window);
      return [node("AveragePool", [layer.x], y, attributes)];
    }
    case "batchNorm": {
      const { x, weight, bias, mean, variance, epsilon } = layer;
      if (mean === undefined || variance === undefined)
        throw new Error("onnx: batch norm must be in its inference form.");
      return [
        node("BatchNormalization", [x, weight, bias, mean, variance], y, { epsilon: { float: epsilon } }),
      ];
    }
    case "linear": {
      const { x, weight, bias } = layer;
      return [node("Gemm", bias === undefined ? [x, weight] : [x, weight, bias], y, { transB: 1 })];
    }
    case "relu":
      return [node("Relu", [layer.x], y)];
    case "flatten":
      return [node("Flatten", [layer.x], y)];
    case "globalAveragePool2d":
      return [node("GlobalAveragePool", [layer.x], `${y}.pooled`), node("Flatten", [`${y}.pooled`], y)];
    case "add":
      return [node("Add", [layer.a, layer.b], y)];
    case "concat":
      return [node("Concat", layer.parts, y, { axis: 1 })];
    case "padChannels":
      return [node("Pad", [layer.x, `${y}.pads`], y)];
    case "subsample":
      return [
        node("Slice", [layer.x, ...["starts", "ends", "axes", "steps"].map((name) => `${y}.${name}`)], y),
      ];
  }
}

/**
 * What ONNX wants as tensors and we have as attributes.
 * @param {Layer} layer
 * @returns {Chunks[]}
 */
function constantsOf(layer) {
  const { kind, y } = layer;
  if (kind === "padChannels") return [integers(`${y}.pads`, [0, layer.before, 0, 0, 0, layer.after, 0, 0])];
  if (kind !== "subsample") return [];
  const [vertical, horizontal] = layer.stride;
  return [
    integers(`${y}.starts`, [0, 0]),
    integers(`${y}.ends`, [2 ** 31 - 1, 2 ** 31 - 1]),
    integers(`${y}.axes`, [2, 3]),
    integers(`${y}.steps`, [vertical, horizontal]),
  ];
}

/** @param {Window} window */
function windowAttributes({ kernel, stride, dilation, padding: { top, left, bottom, right } }) {
  return { kernel_shape: kernel, strides: stride, dilations: dilation, pads: [top, left, bottom, right] };
}

/**
 * @param {string} operation
 * @param {readonly string[]} inputs
 * @param {string} output
 * @param {Readonly<Record<string, number | readonly number[] | { float: number }>>} [attributes]
 * @returns {Chunks}
 */
function node(operation, inputs, output, attributes = {}) {
  return [
    ...inputs.flatMap((input) => string(1, input)),
    ...string(2, output),
    ...string(3, output),
    ...string(4, operation),
    ...Object.entries(attributes).flatMap(([name, value]) => message(5, attribute(name, value))),
  ];
}

/**
 * @param {string} name
 * @param {number | readonly number[] | { float: number }} value
 * @returns {Chunks}
 */
function attribute(name, value) {
  if (typeof value === "number")
    return [...string(1, name), ...integer(3, value), ...integer(20, attributeTypes.int)];
  if ("float" in value)
    return [...string(1, name), ...float(2, value.float), ...integer(20, attributeTypes.float)];
  return [
    ...string(1, name),
    ...value.flatMap((each) => integer(8, each)),
    ...integer(20, attributeTypes.ints),
  ];
}

/**
 * @param {string} name
 * @param {HostTensor} tensor
 * @returns {Chunks}
 */
function floats(name, { shape, data }) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const dims = shape.flatMap((extent) => integer(1, extent));
  return [...dims, ...integer(2, elementTypes.float), ...string(8, name), ...message(9, [bytes])];
}

/**
 * @param {string} name
 * @param {readonly number[]} values
 * @returns {Chunks}
 */
function integers(name, values) {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return [
    ...integer(1, values.length),
    ...integer(2, elementTypes.int64),
    ...string(8, name),
    ...message(9, [bytes]),
  ];
}

/**
 * @param {string} name
 * @param {readonly number[]} extents Behind the batch axis, which is "n".
 * @returns {Chunks}
 */
function valueInfo(name, extents) {
  const dimensions = [string(2, "n"), ...extents.map((extent) => integer(1, extent))];
  const shape = dimensions.flatMap((each) => message(1, each));
  const tensorType = [...integer(1, elementTypes.float), ...message(2, shape)];
  return [...string(1, name), ...message(2, message(1, tensorType))];
}
