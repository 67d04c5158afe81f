// @ts-check
/** Who can run here: ours on each engine, and the peers. Who cannot is named with the reason. */

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { engineNames, isThere, nodeFor } from "./engine.js";

/**
 * @typedef {object} Contestant
 * @property {string} id What options call it.
 * @property {string} name
 * @property {readonly string[]} command Program and first arguments; the job follows.
 * @property {Readonly<Record<string, string>>} [environment]
 * @property {string} backend
 * @property {readonly import("./nets.js").Mode[]} modes
 * @property {Readonly<Partial<Record<import("./nets.js").Mode, readonly string[]>>>} [forms] Ways to use it; the fastest counts.
 * @property {boolean} isOurs
 * @property {boolean} isSlow Left out unless it is asked for or the net is small.
 * @property {boolean} is128 Computes in 128-bit vectors, so its limit is the peak at 128 bits.
 */

/** @typedef {Pick<Contestant, "id" | "name" | "isOurs"> & { reason: string }} Absentee */

/** @param {string} file */
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

const pythons = ["python3", "/usr/bin/python3"];

/** @returns {{ present: Contestant[], absent: Absentee[] }} */
export function findContestants() {
  const node = (/** @type {string} */ file) => [process.execPath, here(file)];
  const python = pythons.find((each) => succeeds(each, ["-c", "import torch, torchvision"]));
  const [both, infer] = [/** @type {const} */ (["infer", "train"]), /** @type {const} */ (["infer"])];
  const install = "is not installed; run npm run bench -- --install";
  /** @type {(Contestant & { lacks: string })[]} `lacks` is empty, or why it cannot run. */
  const all = [
    ...engineNames.map((engine) => ({
      id: engine,
      name: `Striate ${engine}`,
      command: [nodeFor(engine), here("ours.js")],
      backend: engine,
      modes: both,
      isOurs: true,
      isSlow: engine === "js",
      is128: engine === "wasm",
      lacks: isThere(engine)
        ? ""
        : engine === "wasm-256"
          ? "it takes Node 24 on x86-64 with AVX2; on Linux, npm run bench -- --install brings that"
          : `dist/engines/${engine}/ is not there`,
    })),
    {
      id: "ort",
      name: "ONNX Runtime",
      command: node("peers/onnx_bench.js"),
      backend: "node",
      modes: infer,
      isOurs: false,
      isSlow: false,
      is128: false,
      lacks: canResolve("onnxruntime-node") ? "" : `onnxruntime-node ${install}`,
    },
    {
      id: "ort-web",
      name: "ONNX Runtime web",
      command: node("peers/onnx_bench.js"),
      backend: "web",
      modes: infer,
      isOurs: false,
      isSlow: false,
      is128: true,
      lacks: canResolve("onnxruntime-web") ? "" : `onnxruntime-web ${install}`,
    },
    {
      id: "torch",
      name: "PyTorch",
      command: [python ?? pythons[0], here("peers/torch_bench.py")],
      environment: chosenBlas(),
      backend: "cpu",
      modes: both,
      forms: {
        infer: ["contiguous", "channels_last", "frozen"],
        train: ["contiguous", "channels_last"],
      },
      isOurs: false,
      isSlow: false,
      is128: false,
      lacks:
        python === undefined
          ? `no ${pythons.join(" or ")} imports torch and torchvision; on Debian, install python3-torch and python3-torchvision`
          : "",
    },
    ...["wasm", "cpu"].map((backend) => ({
      id: `tfjs-${backend}`,
      name: `TensorFlow.js ${backend}`,
      command: node("peers/tfjs_bench.js"),
      backend,
      modes: backend === "wasm" ? infer : both,
      isOurs: false,
      isSlow: backend === "cpu",
      is128: backend === "wasm",
      lacks: canResolve("@tensorflow/tfjs-backend-wasm") ? "" : `@tensorflow/tfjs ${install}`,
    })),
  ];
  return {
    present: all.filter(({ lacks }) => lacks === ""),
    absent: all
      .filter(({ lacks }) => lacks !== "")
      .map(({ id, name, isOurs, lacks }) => ({ id, name, isOurs, reason: lacks })),
  };
}

/** Why a contestant is not asked for a mode. */
export const cannotTrain = {
  ort: "it does not train in JavaScript",
  "ort-web": "it does not train in JavaScript",
  "tfjs-wasm": "its convolution has no gradient on WASM",
};

/**
 * Installs the peers of npm into this folder. No script of theirs is run (.npmrc): that of onnxruntime-node would only add CUDA.
 */
export function installPeers() {
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here("."), env, stdio: "inherit" });
}

/**
 * Debian's PyTorch multiplies matrices with whatever BLAS is installed, and the reference one makes lenet5 two to three times
 * slower. The folder STRIATE_BENCH_BLAS may hold a better libblas.so.3 that is not installed.
 * @returns {Record<string, string>}
 */
function chosenBlas() {
  const folder = process.env.STRIATE_BENCH_BLAS;
  return folder ? { LD_LIBRARY_PATH: folder } : {};
}

/**
 * @param {string} program
 * @param {readonly string[]} words
 */
function succeeds(program, words) {
  try {
    execFileSync(program, words, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** @param {string} name */
function canResolve(name) {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
