// @ts-check
/** Reads a safetensors file array by array, so that the peak memory of who loads it is not that of the file and all copies. */

import { openSync, readSync } from "node:fs";

/**
 * @typedef {object} StoredTensor
 * @property {readonly number[]} shape
 * @property {() => Float32Array} read
 */

/**
 * Arrays of float32 by name.
 * @param {string} file
 * @returns {Map<string, StoredTensor>}
 */
export function openWeights(file) {
  const source = openSync(file, "r");
  const read = (/** @type {Uint8Array} */ into, /** @type {number} */ position) => {
    for (let done = 0; done < into.length; ) {
      const count = readSync(source, into, done, into.length - done, position + done);
      if (count === 0) throw new Error(`${file} is truncated.`);
      done += count;
    }
    return into;
  };
  const length = Number(new DataView(read(new Uint8Array(8), 0).buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(read(new Uint8Array(length), 8)));
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        const stored = () => new Float32Array(read(new Uint8Array(end - begin), 8 + length + begin).buffer);
        return [name, { shape, read: stored }];
      },
    ),
  );
}
