// @ts-check
/**
 * Times ONNX Runtime as ../measure.js says: backend "node", the native library on its CPU provider, or "web", its WASM build.
 * Graph optimisations are all on and threads spin, which are its defaults; it infers only.
 */

import { createRequire } from "node:module";
import { batchOf, readJob, serve } from "../measure.js";
import { modelOf } from "../nets.js";

const require = createRequire(import.meta.url);
const job = readJob();
if (job.mode === "train") throw new Error("ONNX Runtime does not train in JavaScript");
/** @type {any} An optional peer, so its types may be absent. */
const ort = require(`onnxruntime-${job.backend}`);
if (job.backend === "web") ort.env.wasm.numThreads = job.threads;

const session = await ort.InferenceSession.create(job.material.onnx, {
  executionProviders: [job.backend === "web" ? "wasm" : "cpu"],
  graphOptimizationLevel: "all",
  intraOpNumThreads: job.threads,
  interOpNumThreads: 1,
  freeDimensionOverrides: { n: job.batch },
});
const { imageShape } = modelOf(job.net);
const x = new ort.Tensor("float32", channelsFirst(batchOf(job).images, imageShape), [
  job.batch,
  imageShape[2],
  imageShape[0],
  imageShape[1],
]);
const infer = async () => (await session.run({ x })).logits.data;

const { [job.backend]: version } = ort.env.versions;
const name = `ONNX Runtime${job.backend === "web" ? " web" : ""} ${version}`;
await serve(
  { version: `${name}, Node ${process.versions.node}`, threads: job.threads, outputs: [await infer()] },
  infer,
);
process.exit(0); // The workers of the WASM build would keep the process.

/**
 * Images [n, h, w, c] as [n, c, h, w].
 * @param {Float32Array} images
 * @param {readonly [number, number, number]} shape
 */
function channelsFirst(images, [h, w, c]) {
  const pixels = h * w;
  return images.map((_, i) => {
    const [n, k, pixel] = [Math.floor(i / (pixels * c)), Math.floor(i / pixels) % c, i % pixels];
    return images[(n * pixels + pixel) * c + k];
  });
}
