// @ts-check
/** Who can run here: ours on each engine, PyTorch, TensorFlow.js. Who cannot is named with the reason. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {readonly string[]} command Program and first arguments; the case's options follow.
 * @property {Readonly<Record<string, string>>} [environment]
 * @property {boolean} [isSlow] Left out of quick runs.
 * @property {boolean} is128 Computes in 128-bit vectors, so its limit is the peak at 128 bits.
 */

/** @typedef {{ name: string, reason: string }} Absentee */

/** @param {string} file */
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/** @returns {{ present: Contestant[], absent: Absentee[] }} */
export function findContestants() {
  /** @type {Contestant[]} */
  const present = [];
  /** @type {Absentee[]} */
  const absent = [];
  for (const engine of ["native", "wasm", "js"]) {
    const name = `Striate ${engine}`;
    if (existsSync(here(`../dist/engines/${engine}/engine.js`))) {
      const command = [process.execPath, here("ours.js"), "--backend", engine];
      present.push({ name, command, is128: engine === "wasm", isSlow: engine === "js" });
    } else absent.push({ name, reason: `dist/engines/${engine}/ is not there; run npm run build` });
  }
  const python = findPython();
  if (python) {
    const environment = chosenBlas();
    present.push({
      name: "PyTorch",
      command: [python, here("peers/torch_bench.py")],
      environment,
      is128: false,
    });
  } else absent.push({ name: "PyTorch", reason: `no module torch in ${pythons.join(", ")}` });
  for (const backend of ["wasm", "cpu"]) {
    const name = `TensorFlow.js ${backend}`;
    if (canResolve("@tensorflow/tfjs-backend-wasm")) {
      const command = [process.execPath, here("peers/tfjs_bench.js"), "--backend", backend];
      present.push({ name, command, isSlow: true, is128: true });
    } else absent.push({ name, reason: "not installed; run npm install in bench/" });
  }
  return { present, absent };
}

const pythons = ["python3", "/usr/bin/python3"];

function findPython() {
  return pythons.find((python) => {
    try {
      execFileSync(python, ["-c", "import torch"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
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

/** @param {string} name */
function canResolve(name) {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
