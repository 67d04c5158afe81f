/**
 * Counter-based random numbers: a value is a function of a key and a counter, so nothing has state, every thread and
 * every resumed run draws the same, and a dropout mask is never stored.
 *
 * The mixing function is the finaliser of MurmurHash3 (Appleby), whose avalanche is full on 32 bits.
 */

/** Mixes the 32 bits of `h`; a bijection on unsigned 32-bit integers. */
export function mix32(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

/** Weyl increment: the golden ratio's fraction of 2^32, so consecutive counters land far apart before they are mixed. */
const weyl = 0x9e3779b9;

/** Joins numbers (seed, epoch, image, …) into one 32-bit key; order matters. */
export function keyOf(...parts: readonly number[]): number {
  let key = 0;
  for (const part of parts) key = mix32((key + Math.imul(part | 0, weyl) + weyl) | 0);
  return key;
}

/** 32 random bits for this key and counter. */
export function randomBits(key: number, counter: number): number {
  return mix32((mix32((key + Math.imul(counter, weyl)) | 0) + key) | 0);
}

/** A number in [0, 1) with 24 random bits, so that it is the same in float32 and in double precision. */
export function randomUniform(key: number, counter: number): number {
  return (randomBits(key, counter) >>> 8) / 16777216;
}

/** A sequence drawn from one key, for code that takes one number after the other. */
export class RandomStream {
  readonly key: number;
  counter: number;
  constructor(key: number, counter = 0) {
    this.key = key >>> 0;
    this.counter = counter;
  }
  /** The next number in [0, 1). */
  uniform(): number {
    return randomUniform(this.key, this.counter++);
  }
  /** The next number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }
  /** The next integer in [0, below). */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }
  /** The next number of the standard normal distribution (Box and Muller, 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** A permutation of 0 … length − 1 (Fisher and Yates), the same for the same key. */
export function permutation(length: number, key: number): Uint32Array {
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  const random = new RandomStream(key);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}
