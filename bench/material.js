// @ts-check
/**
 * What all contestants of a net are given alike: weights (safetensors, PyTorch's layout), the same as ONNX, images and labels.
 * Kept in .cache/ under a hash of the network; `node bench/material.js <net>` makes the weights and the ONNX model of a net.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writevSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { writeSafetensors } from "../dist/formats/index.js";
import { initialValues } from "../dist/nn/index.js";
import { keyOf, randomUniform } from "../dist/tensor/index.js";
import { toReferenceLayout } from "../dist/train/index.js";
import { layersOf } from "./layers.js";
import { modelOf, networkOf } from "./nets.js";
import { onnxModel } from "./onnx.js";

/**
 * @typedef {object} Material Paths of files.
 * @property {string} weights
 * @property {string} onnx
 * @property {string} images float32 [batch, h, w, c], uniform on [-1, 1).
 */

const folder = fileURLToPath(new URL(".cache/", import.meta.url));

/**
 * The files of a net, made where they are not there yet: in a process of its own, because the largest weights are half a GiB.
 * @param {string} net
 * @param {number} batch
 * @returns {Material}
 */
export function materialOf(net, batch) {
  const { weights, onnx } = filesOf(net);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(weights) || !existsSync(onnx))
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), net], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  const { imageShape } = modelOf(net);
  const images = `${folder}images-${[batch, ...imageShape].join("x")}.f32`;
  if (!existsSync(images)) {
    const count = imageShape.reduce((a, b) => a * b, batch);
    writeFileSync(
      images,
      Float32Array.from({ length: count }, (_, i) => 2 * randomUniform(1, i) - 1),
    );
  }
  return { weights, onnx, images };
}

/** @param {string} net */
function filesOf(net) {
  const network = networkOf(net);
  const declared = [...network.parameters, ...network.states].map(({ name, shape }) => [name, shape]);
  // Values of tensors count anew in each process, so names of layers are left out.
  const layers = layersOf(network).map(({ kind, ...layer }) =>
    "window" in layer ? [kind, layer.window] : [kind],
  );
  const hash = createHash("sha256")
    .update(JSON.stringify([declared, layers]))
    .digest("hex")
    .slice(0, 12);
  return { weights: `${folder}${net}-${hash}.safetensors`, onnx: `${folder}${net}-${hash}.onnx` };
}

/**
 * Values of all parameters and states: the first values that training starts from, but for batch norm, whose ones and zeros would
 * hide what a peer gets wrong. In PyTorch's layout.
 * @param {string} net
 * @returns {Map<string, import("./onnx.js").HostTensor>}
 */
function weightsOf(net) {
  const network = networkOf(net);
  const values = initialValues(network, 0);
  for (const layer of layersOf(network)) {
    if (layer.kind !== "batchNorm") continue;
    for (const [name, low, high] of /** @type {const} */ ([
      [layer.weight, 0.5, 1.5],
      [layer.bias, -0.1, 0.1],
      [layer.mean, -0.1, 0.1],
      [layer.variance, 0.5, 1.5],
    ])) {
      const key = keyOf(0, ...Buffer.from(name ?? ""));
      values.get(name ?? "")?.forEach((_, i, all) => {
        all[i] = low + (high - low) * randomUniform(key, i);
      });
    }
  }
  return new Map(
    [...network.parameters, ...network.states].map(({ name, shape, kind }) => [
      name,
      toReferenceLayout({ shape, data: values.get(name) ?? new Float32Array() }, kind),
    ]),
  );
}

/** @param {string} net */
function make(net) {
  const { weights, onnx } = filesOf(net);
  for (const old of readdirSync(folder).filter((name) => name.startsWith(`${net}-`)))
    rmSync(`${folder}${old}`);
  const tensors = weightsOf(net);
  writeWhole(weights, [writeSafetensors(tensors)]);
  writeWhole(onnx, onnxModel(layersOf(networkOf(net)), tensors, modelOf(net)));
}

/**
 * A file under its name is complete.
 * @param {string} file
 * @param {readonly Uint8Array[]} chunks
 */
function writeWhole(file, chunks) {
  const target = openSync(`${file}.part`, "w");
  for (let from = 0; from < chunks.length; from += 1000) writevSync(target, chunks.slice(from, from + 1000));
  closeSync(target);
  renameSync(`${file}.part`, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(folder, { recursive: true });
  make(process.argv[2]);
}
