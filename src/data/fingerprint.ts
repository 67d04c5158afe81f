/** A short digest that tells whether two sets are the same: it guards against mistakes, not against an adversary. */

import { mix32 } from "../tensor/random.ts";

/** Digests strings, numbers and bytes, in this order, to 16 hex digits. 1 GB/s or so, much faster than SHA-256 in plain code. */
export function fingerprintOf(...parts: readonly (string | number | Uint8Array)[]): string {
  // Two lanes of 32 bits with different multipliers (those of xxHash32, Collet 2012) make 64 bits.
  let a = 0x9e3779b1;
  let b = 0x85ebca77;
  const word = (value: number) => {
    a = Math.imul(a ^ value, 0xc2b2ae3d);
    a ^= a >>> 15;
    b = Math.imul((b << 13) | (b >>> 19), 0x27d4eb2f) + value;
  };
  for (const part of parts) {
    const bytes = part instanceof Uint8Array ? part : new TextEncoder().encode(`${part}`);
    word(bytes.length);
    // Bytes are read as little-endian words one by one, so that no alignment is asked of the view.
    const whole = bytes.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      word(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    }
    for (let i = whole; i < bytes.length; i++) word(bytes[i]);
  }
  const hex = (h: number) => mix32(h).toString(16).padStart(8, "0");
  return hex(a) + hex(b ^ a);
}
