/** Numbers of an engine's memory: in single precision, or in double, which tells rounding from mistakes. */

import type { Numbers } from "../kernels/javascript.ts";
import { OptionError } from "../tensor/errors.ts";

/** Bits of a number. */
export type Bits = 32 | 64;

/** Memory for numbers of one kind. */
export interface NumbersConstructor<Values extends Numbers> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): Values;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): Values;
  from(values: ArrayLike<number>): Values;
}

/** Throws an OptionError for numbers of any other size. */
export function refuseOtherBits(bits: Bits): void {
  if (bits !== 32 && bits !== 64) throw new OptionError(`bits is ${bits}, but must be 32 or 64.`, { bits });
}
