/** Memory for the pixels of a whole set, shared with worker threads where the platform allows it. */

/** `length` zero bytes, in a SharedArrayBuffer if there is one (a page has it only when it is cross-origin isolated). */
export function sharedBytes(length: number): Uint8Array {
  return typeof SharedArrayBuffer === "undefined"
    ? new Uint8Array(length)
    : new Uint8Array(new SharedArrayBuffer(length));
}

/** The same bytes in shared memory: a copy, unless they lie there or there is none. */
export function toShared(bytes: Uint8Array): Uint8Array {
  if (typeof SharedArrayBuffer === "undefined" || bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = sharedBytes(bytes.length);
  shared.set(bytes);
  return shared;
}
