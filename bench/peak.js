// @ts-check
/**
 * The most multiply-adds this machine does: builds peak.c with the C compiler and runs it. What is measured, at the
 * machine's widest vectors and at 128 bits as in WASM SIMD, is told in peak.c. `node bench/peak.js` prints both.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Peak
 * @property {number} lanes float32 numbers in the widest vector.
 * @property {number} wide GFLOP/s at that width, all threads together.
 * @property {number} at128 GFLOP/s at 128 bits.
 * @property {number} median GFLOP/s at the widest that half of the bursts reach, the best of which `wide` is.
 */

/**
 * Peaks for each number of threads, or a sentence that says why there are none.
 * @param {readonly number[]} threadCounts
 * @returns {Map<number, Peak> | string}
 */
export function measurePeaks(threadCounts) {
  const compiler = process.env.CC ?? "cc";
  const folder = mkdtempSync(path.join(os.tmpdir(), "striate-peak-"));
  try {
    const program = path.join(folder, "peak");
    const source = fileURLToPath(new URL("peak.c", import.meta.url));
    execFileSync(compiler, ["-O3", "-march=native", "-pthread", source, "-o", program], { stdio: "pipe" });
    return new Map(
      threadCounts.map((threads) => {
        const [lanes, wide, at128, median] = execFileSync(program, [String(threads)], { encoding: "utf8" })
          .split(" ")
          .map(Number);
        return [threads, { lanes, wide, at128, median }];
      }),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return `The machine's peak is not measured: the C compiler "${compiler}" is missing or failed (${reason}).`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * One line for people.
 * @param {number} threads
 * @param {Peak} peak
 */
export function describePeak(threads, { lanes, wide, at128, median }) {
  const of = threads === 1 ? "1 thread" : `${threads} threads`;
  return `FMA peak, ${of}: ${wide.toFixed(0)} GFLOP/s at ${lanes * 32} bits (${median.toFixed(0)} in the median of its bursts), ${at128.toFixed(0)} at 128 bits (both measured in C)`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cores = os.availableParallelism();
  const peaks = measurePeaks(cores > 1 ? [1, cores] : [1]);
  if (typeof peaks === "string") console.log(peaks);
  else for (const [threads, peak] of peaks) console.log(describePeak(threads, peak));
}
