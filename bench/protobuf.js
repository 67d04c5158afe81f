// @ts-check
/**
 * Protocol buffers, as far as ONNX needs them written: a message is a list of chunks, so that weights are not copied into the
 * messages around them. https://protobuf.dev/programming-guides/encoding/
 */

/** @typedef {readonly Uint8Array[]} Chunks */

const wire = { varint: 0, bytes: 2, fixed32: 5 };

/** @param {number} value At least 0; past 2³¹ too. */
function varint(value) {
  /** @type {number[]} */
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/**
 * @param {number} field
 * @param {number} value A whole number of at least 0.
 * @returns {Chunks}
 */
export function integer(field, value) {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`protobuf: ${value} is no whole number of at least 0.`);
  return [Uint8Array.from([...varint(field * 8 + wire.varint), ...varint(value)])];
}

/**
 * @param {number} field
 * @param {number} value
 * @returns {Chunks}
 */
export function float(field, value) {
  const bytes = new Uint8Array(new Float32Array([value]).buffer);
  return [Uint8Array.from([...varint(field * 8 + wire.fixed32), ...bytes])];
}

/**
 * @param {number} field
 * @param {string} text
 */
export function string(field, text) {
  return message(field, [new TextEncoder().encode(text)]);
}

/**
 * A message, or plain bytes, in a field of another.
 * @param {number} field
 * @param {Chunks} content
 * @returns {Chunks}
 */
export function message(field, content) {
  const length = content.reduce((total, chunk) => total + chunk.length, 0);
  return [Uint8Array.from([...varint(field * 8 + wire.bytes), ...varint(length)]), ...content];
}
