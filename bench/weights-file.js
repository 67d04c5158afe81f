// @ts-check
/** Reads a safetensors file array by array, so that the peak memory of who loads it is not that of the file and all copies. */

import { openSync, readSync } from "node:fs";

/**
 * @typedef {object} StoredTensor
 * @property {readonly number[]} shape
 * @property {() => Float32Array} read Holds until another is read: they share their memory.
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
  let room = new ArrayBuffer(0);
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
        const stored = () => {
          if (room.byteLength < end - begin) room = new ArrayBuffer(end - begin);
          read(new Uint8Array(room, 0, end - begin), 8 + length + begin);
          return new Float32Array(room, 0, (end - begin) / 4);
        };
        return [name, { shape, read: stored }];
      },
    ),
  );
}
