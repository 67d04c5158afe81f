/** What a transform is: a name, a few numbers, and a function of one image that draws its chances from a given stream. */

import { OptionError } from "../../tensor/errors.ts";
import type { RandomStream } from "../../tensor/random.ts";

/** Pixels of one image, [h, w, c]: bytes, or numbers in any unit. */
export type Pixels = Uint8Array | Uint8ClampedArray | Float32Array;

export type ImageShape = readonly [h: number, w: number, c: number];

/** One transform with its numbers, as plain data: it is stored in checkpoints and sent to worker threads. */
export interface Augmentation {
  readonly name: string;
  readonly values: Readonly<Record<string, number>>;
}

/** A number that a transform takes. */
export interface Parameter {
  readonly default: number;
  readonly least: number;
  readonly most: number;
  /** What it is, with its unit; help texts print it. */
  readonly about: string;
}

export interface Transform<Name extends string = string> {
  readonly name: string;
  /** One line for help texts. */
  readonly about: string;
  /** In the order in which `name:1:2` gives them. */
  readonly parameters: Readonly<Record<Name, Parameter>>;
  /** Writes the transformed `source` to `target`, another buffer of the same shape and kind. */
  apply(
    source: Pixels,
    target: Pixels,
    shape: ImageShape,
    values: Readonly<Record<Name, number>>,
    random: RandomStream,
  ): void;
}

/** A transform that is also the function that gives it its numbers: `shift({ pixels: 2 })`. */
export type TransformFunction<Name extends string> = Transform<Name> &
  ((values?: Partial<Record<Name, number>>) => Augmentation);

/** Makes a transform of its description. */
export function defineTransform<Name extends string>(transform: Transform<Name>): TransformFunction<Name> {
  const make = (values: Partial<Record<Name, number>> = {}): Augmentation => ({
    name: transform.name,
    values: checkedValues(transform, values),
  });
  // A function's own name is read-only; defineProperties sets it where assignment would throw.
  return Object.defineProperties(
    make,
    Object.getOwnPropertyDescriptors(transform),
  ) as TransformFunction<Name>;
}

/** The given numbers with defaults for the rest. Throws an OptionError for one that is unknown or out of range. */
export function checkedValues<Name extends string>(
  transform: Transform<Name>,
  values: Readonly<Record<string, number | undefined>>,
): Readonly<Record<string, number>> {
  const { name, parameters } = transform;
  const known = Object.entries<Parameter>(parameters);
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(parameters, key)) {
      const list = known.map(([parameter]) => parameter).join(", ");
      throw new OptionError(`augmentation ${name}: has no parameter "${key}", only ${list}.`, { name, key });
    }
  }
  return Object.fromEntries(
    known.map(([key, parameter]) => {
      const value = values[key] ?? parameter.default;
      if (!(value >= parameter.least && value <= parameter.most)) {
        throw new OptionError(
          `augmentation ${name}: ${key} is ${value}, but must be between ${parameter.least} and ${parameter.most} (${parameter.about}).`,
          { name, key, value },
        );
      }
      return [key, value];
    }),
  );
}
