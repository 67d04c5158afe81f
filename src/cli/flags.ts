/** Reads the values of flags; commander turns an InvalidArgumentError into a usage error that names the flag. */

import { InvalidArgumentError } from "commander";

export type ImageShape = readonly [h: number, w: number, c: number];

/** A whole number from 0 on. */
export function whole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It is a whole number.");
  return Number(text);
}

/** A whole number from 1 on. */
export function count(text: string): number {
  const number = whole(text);
  if (number === 0) throw new InvalidArgumentError("It is at least 1.");
  return number;
}

/** A number, such as 0.1 or 5e-4. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new InvalidArgumentError("It is a number, such as 0.1 or 5e-4.");
  return value;
}

/** Height, width and channels: 28x28x1. */
export function imageShape(text: string): ImageShape {
  const match = /^(\d{1,5})[x×](\d{1,5})[x×](\d{1,5})$/.exec(text);
  const shape = match?.slice(1).map(Number) ?? [];
  if (shape.length !== 3 || shape.includes(0)) {
    throw new InvalidArgumentError("It is height, width and channels, such as 28x28x1.");
  }
  return [shape[0], shape[1], shape[2]];
}

/** One of a few words. */
export function oneOf<T extends string>(...choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((each) => each === text);
    if (choice === undefined) throw new InvalidArgumentError(`There are ${choices.join(", ")}.`);
    return choice;
  };
}
