/** The counter-based random numbers of tensor/random.ts, a vector at a time. */

import type { FunctionBuilder, Local } from "./assembler.ts";
import { scalarOffsets } from "./values.ts";

/** Leaves numbers in [0, 1) on the stack, for the counters that `counters` pushes. */
export function emitRandom(
  f: FunctionBuilder,
  scalarsAddress: number,
  stream: number,
  counters: () => void,
): void {
  const [key, h] = [f.local("v128"), f.local("v128")];
  const constant = (value: number) => f.v128i32(value | 0, value | 0, value | 0, value | 0);
  const mix = (local: Local) => {
    f.set(local);
    const xorShift = (bits: number) =>
      f.get(local).get(local).i32(bits).op("i32x4.shr_u", "v128.xor").set(local);
    xorShift(16);
    f.get(local);
    constant(0x85ebca6b).op("i32x4.mul").set(local);
    xorShift(13);
    f.get(local);
    constant(0xc2b2ae35).op("i32x4.mul").set(local);
    xorShift(16);
  };
  // keyOfStream(seed, step, stream)
  f.i32(scalarsAddress).memory("v128.load32_splat", scalarOffsets.seed);
  constant(0x9e3779b9).op("i32x4.add");
  mix(key);
  f.get(key).i32(scalarsAddress).memory("v128.load32_splat", scalarOffsets.step);
  constant(0x85ebca6b).op("i32x4.mul", "i32x4.add");
  mix(key);
  f.get(key);
  constant(Math.imul(stream, 0xc2b2ae35)).op("i32x4.add");
  mix(key);
  // randomUniform(key, counter)
  f.get(key);
  counters();
  constant(0x9e3779b9).op("i32x4.mul", "i32x4.add");
  mix(h);
  f.get(h).get(key).op("i32x4.add");
  mix(h);
  f.get(h)
    .i32(8)
    .op("i32x4.shr_u", "vector.convert_i32x4_u")
    .vector(1 / 16777216)
    .op("vector.mul");
  f.release(key, h);
}
