/** Checks of options that several layers and models share. */

import { pair, type WindowOptions } from "../ops/window.ts";
import { OptionError } from "../tensor/errors.ts";

/** Throws an OptionError unless `value` is a whole number of at least `least`. */
export function checkWhole(where: string, name: string, value: number, least = 1): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new OptionError(`${where}: ${name} is ${value}, but must be a whole number of at least ${least}.`, {
    [name]: value,
  });
}

/** Throws an OptionError unless `value` is a finite number above 0. */
export function checkAboveZero(where: string, name: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw new OptionError(`${where}: ${name} is ${value}, but must be a number above 0.`, { [name]: value });
}

/** Throws an OptionError unless `value` is one of `allowed`. */
export function checkOneOf<T extends string | number>(
  where: string,
  name: string,
  value: T,
  allowed: readonly T[],
): void {
  if (allowed.includes(value)) return;
  throw new OptionError(`${where}: ${name} is ${value}, but must be one of ${allowed.join(", ")}.`, {
    [name]: value,
    allowed,
  });
}

/** Throws an OptionError unless `value` is a number of at least 0 and at most `most`. */
export function checkRange(
  where: string,
  name: string,
  value: number,
  most = Number.POSITIVE_INFINITY,
): void {
  if (value >= 0 && value <= most) return;
  const bounds = most === Number.POSITIVE_INFINITY ? "at least 0" : `from 0 to ${most}`;
  throw new OptionError(`${where}: ${name} is ${value}, but must be ${bounds}.`, { [name]: value });
}

/** Throws an OptionError unless kernel, stride and dilation are at least 1 and padding at least 0, all whole. */
export function checkWindow(where: string, options: WindowOptions): void {
  const { kernel, stride = 1, dilation = 1, padding = 0 } = options;
  for (const [name, of] of Object.entries({ kernel, stride, dilation }))
    for (const each of pair(of)) checkWhole(where, name, each);
  if (padding === "same" || padding === "valid") return;
  const sides = typeof padding === "number" ? [padding] : Object.values(padding);
  for (const side of sides) checkWhole(where, "padding", side, 0);
}
