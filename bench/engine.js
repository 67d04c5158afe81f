// @ts-check
/** Opens an engine of ours by name. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as engines from "../dist/engines/index.js";

/** Names of engines that may be there, fastest first; which are differs from build to build. */
export const engineNames = /** @type {const} */ (["native", "wasm", "js"]);

/** @param {string} name */
export function hasEngine(name) {
  return existsSync(fileURLToPath(engineFile(name)));
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
  const make = known[`${name}Engine`] ?? (await import(engineFile(name).href))[`${name}Engine`];
  return make({ threads, ...options });
}

/** @param {string} name */
function engineFile(name) {
  return new URL(`../dist/engines/${name}/engine.js`, import.meta.url);
}
