/**
 * First values of parameters. A parameter's values are a function of (seed, its name), so they do not depend on the order
 * in which a model declares its layers.
 *
 *   He et al., "Delving deep into rectifiers", 2015, arXiv:1502.01852: equation 10.
 *   Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010: equations 12, 16.
 */

import type { ParameterKind } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { keyOf, RandomStream } from "../tensor/random.ts";
import { formatShape, type Shape, size } from "../tensor/shape.ts";

/** Values for a parameter of this shape and kind; `key` feeds the random numbers. */
export type Initializer = (shape: Shape, kind: ParameterKind, key: number) => Float32Array;

/**
 * Numbers that meet in one output and, backwards, in one input, of a parameter of this kind, as PyTorch counts them:
 * [r, s, c, k] has r·s·c in and r·s·k out, [c, k] has c and k. Throws an OptionError for vectors.
 */
export function fans(shape: Shape, kind: ParameterKind): { readonly fanIn: number; readonly fanOut: number } {
  if (kind === "vector")
    throw new OptionError(
      `an initializer that scales with fan-in takes filters or matrices; a vector ${formatShape(shape)} has no fan-in. ` +
        "Use zeros, ones, constant, uniform or normal.",
      { shape, kind },
    );
  const [c, k] = shape.slice(-2);
  const places = size(shape.slice(0, -2));
  return { fanIn: places * c, fanOut: places * k };
}

/** The same number everywhere. */
export function constant(value: number): Initializer {
  return (shape) => new Float32Array(size(shape)).fill(value);
}

export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** Uniform on [low, high); with one number, on [−low, low). */
export function uniform(low: number, high?: number): Initializer {
  const [from, to] = high === undefined ? [-low, low] : [low, high];
  if (!(from <= to))
    throw new OptionError(`uniform from ${from} to ${to} is empty.`, { low: from, high: to });
  return (shape, _kind, key) => draw(shape, key, (random) => random.between(from, to));
}

/** Normal with this mean and standard deviation. */
export function normal(std: number, mean = 0): Initializer {
  if (!(std >= 0)) throw new OptionError(`normal: std is ${std}, but must be at least 0.`, { std });
  return (shape, _kind, key) => draw(shape, key, (random) => mean + std * random.normal());
}

/** Normal with variance 2 / fanIn (He et al., equation 10). */
export const heNormal: Initializer = (shape, kind, key) =>
  normal(Math.sqrt(2 / fans(shape, kind).fanIn))(shape, kind, key);

/** Uniform with variance 2 / fanIn. */
export const heUniform: Initializer = (shape, kind, key) =>
  uniform(Math.sqrt(6 / fans(shape, kind).fanIn))(shape, kind, key);

/** Normal with variance 2 / (fanIn + fanOut) (Glorot and Bengio, equation 12). */
export const xavierNormal: Initializer = (shape, kind, key) => {
  const { fanIn, fanOut } = fans(shape, kind);
  return normal(Math.sqrt(2 / (fanIn + fanOut)))(shape, kind, key);
};

/** Uniform with variance 2 / (fanIn + fanOut) (Glorot and Bengio, equation 16). */
export const xavierUniform: Initializer = (shape, kind, key) => {
  const { fanIn, fanOut } = fans(shape, kind);
  return uniform(Math.sqrt(6 / (fanIn + fanOut)))(shape, kind, key);
};

/**
 * What PyTorch's Conv2d and Linear do, the default of ours: uniform on ±1/√fanIn, which is its kaiming_uniform with
 * a = √5. Their biases are drawn from the same range.
 */
export const pytorchDefault: Initializer = (shape, kind, key) =>
  uniform(1 / Math.sqrt(fans(shape, kind).fanIn))(shape, kind, key);

/**
 * For transposed convolutions whose kernel is twice their stride: bilinear interpolation of each channel by itself, so that
 * they make maps smoothly larger. Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014,
 * arXiv:1411.4038, section 3.3.
 */
export const bilinear: Initializer = (shape, kind) => {
  if (kind !== "transposedFilter")
    throw new OptionError(
      `bilinear is for the filters of transposed convolutions, not for a ${kind} ${formatShape(shape)}.`,
      { shape, kind },
    );
  const [r, s, k, c] = shape;
  const values = new Float32Array(size(shape));
  for (let i = 0; i < r; i++)
    for (let j = 0; j < s; j++)
      for (let channel = 0; channel < Math.min(k, c); channel++)
        values[((i * s + j) * k + channel) * c + channel] = tent(i, r) * tent(j, s);
  return values;
};

/** What a tap of a linear interpolation with this kernel weighs: 1 in the middle, falling to 0 beside the kernel. */
function tent(tap: number, kernel: number): number {
  const factor = Math.ceil(kernel / 2);
  const centre = kernel % 2 === 1 ? factor - 1 : factor - 0.5;
  return 1 - Math.abs(tap - centre) / factor;
}

/** What initial values are drawn for: a declaration of a parameter or state. */
export interface Initialized {
  readonly name: string;
  readonly shape: Shape;
  readonly kind: ParameterKind;
  readonly initialize: Initializer;
}

/** First values of all parameters and states of a network, by name. The same seed gives the same bits. */
export function initialValues(
  network: { readonly parameters: readonly Initialized[]; readonly states: readonly Initialized[] },
  seed: number,
): Map<string, Float32Array> {
  return new Map(
    [...network.parameters, ...network.states].map(({ name, shape, kind, initialize }) => [
      name,
      initialize(shape, kind, keyOf(seed, ...Array.from(name, (letter) => letter.codePointAt(0) ?? 0))),
    ]),
  );
}

function draw(shape: Shape, key: number, next: (random: RandomStream) => number): Float32Array {
  const random = new RandomStream(key);
  const values = new Float32Array(size(shape));
  // Not `from`, which takes four times as long: large networks have a hundred million of them.
  for (let i = 0; i < values.length; i++) values[i] = next(random);
  return values;
}
