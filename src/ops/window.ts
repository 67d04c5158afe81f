/**
 * The arithmetic of sliding windows, shared by convolution and pooling: how options are read, how large outputs are, and
 * which outputs a given input touches.
 *
 * Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285.
 */

import { type Formula, scatter } from "../kernels/formula.ts";
import { type Axis, type Index, type IndexLike, index } from "../kernels/index-expression.ts";
import { sum, type Value, value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/**
 * Zeros around an image: one number for all sides, [vertical, horizontal], each side by itself, "valid" for none, or
 * "same" for an output of ⌈input / stride⌉ places (an odd zero goes to the bottom and right, as in TensorFlow; at stride 1
 * PyTorch's "same" does likewise).
 */
export type Padding =
  | number
  | readonly [number, number]
  | { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number }
  | "valid"
  | "same";

/** What a size that the stride does not divide does: the rest is left out, a smaller window is added, or it is an error. */
export type Rounding = "floor" | "ceil" | "exact";

/** One axis of a sliding window. */
export interface Slide {
  /** Places of the input. */
  readonly input: number;
  /** Places of the output. */
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the first place and after the last. */
  readonly before: number;
  readonly after: number;
}

export interface WindowOptions {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
  readonly rounding?: Rounding;
}

export function pair(of: Pair): readonly [number, number] {
  return typeof of === "number" ? [of, of] : of;
}

/** The two axes of a window that slides over an image of h × w places. */
export function slides(h: number, w: number, options: WindowOptions): [vertical: Slide, horizontal: Slide] {
  const { stride = 1, padding = 0, dilation = 1, rounding = "floor" } = options;
  const [kernels, strides, dilations] = [pair(options.kernel), pair(stride), pair(dilation)];
  for (const [name, values] of [
    ["kernel", kernels],
    ["stride", strides],
    ["dilation", dilations],
  ] as const)
    for (const each of values)
      if (!Number.isInteger(each) || each < 1)
        throw new OptionError(`${name} is ${each}, but must be a whole number of at least 1.`, {
          [name]: each,
        });
  return [0, 1].map((axis) => {
    const [input, kernel, step, spread] = [axis === 0 ? h : w, kernels[axis], strides[axis], dilations[axis]];
    const [before, after] = paddingOf(padding, axis, input, kernel, step, spread);
    const output = outputExtent(input, kernel, step, spread, before, after, rounding);
    return { input, output, kernel, stride: step, dilation: spread, before, after };
  }) as [Slide, Slide];
}

function paddingOf(
  padding: Padding,
  axis: number,
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
): readonly [before: number, after: number] {
  if (padding === "valid") return [0, 0];
  if (padding === "same") {
    const total = Math.max(0, (Math.ceil(input / stride) - 1) * stride + dilation * (kernel - 1) + 1 - input);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }
  let sides: readonly [number, number];
  if (typeof padding === "number") sides = [padding, padding];
  else if ("top" in padding)
    sides = axis === 0 ? [padding.top, padding.bottom] : [padding.left, padding.right];
  else sides = [padding[axis], padding[axis]];
  for (const side of sides)
    if (!Number.isInteger(side) || side < 0)
      throw new OptionError(
        `padding is ${side}, but must be a whole number of at least 0, "same" or "valid".`,
        {
          padding,
        },
      );
  return sides;
}

function outputExtent(
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
  before: number,
  after: number,
  rounding: Rounding,
): number {
  const span = input + before + after - dilation * (kernel - 1) - 1;
  if (span < 0)
    throw new ShapeError(
      `a kernel of ${kernel} with dilation ${dilation} spans ${dilation * (kernel - 1) + 1} places, more than the ` +
        `${input} of the input with ${before} + ${after} of padding. Give a larger input, more padding or a smaller kernel.`,
      { input, kernel, dilation, before, after },
    );
  if (rounding === "exact" && span % stride !== 0)
    throw new ShapeError(
      `(${input} + ${before + after} − ${dilation * (kernel - 1) + 1}) / ${stride} + 1 is not whole: kernel ${kernel} at stride ` +
        `${stride} does not fit. Choose another stride or padding, or rounding "floor".`,
      { input, kernel, stride, dilation, before, after },
    );
  if (rounding !== "ceil") return Math.floor(span / stride) + 1;
  const extent = Math.ceil(span / stride) + 1;
  // As in Caffe and PyTorch: the last window must start inside the image or the padding before it.
  return (extent - 1) * stride >= input + before ? extent - 1 : extent;
}

/**
 * One residue class of input places modulo the stride, seen from the input: places phase + stride·i are touched by the
 * outputs i + first + step·t through the kernel's tap of `tap(t)`, for t below `taps`. Going backwards through a strided
 * window this way needs no division.
 */
export interface Phase {
  readonly phase: number;
  /** Input places of this class. */
  readonly extent: number;
  readonly taps: number;
  readonly first: number;
  readonly step: number;
  /** Kernel position of tap t is tapFirst + tapStep·t; tapStep is negative, so that outputs ascend. */
  readonly tapFirst: number;
  readonly tapStep: number;
}

/** The phases of a slide; together they hold each input place once. */
export function phases({ input, kernel, stride, dilation, before }: Slide): Phase[] {
  const result: Phase[] = [];
  for (let phase = 0; phase < Math.min(stride, input); phase++) {
    const touching: number[] = [];
    for (let r = 0; r < kernel; r++) if ((phase + before - dilation * r) % stride === 0) touching.push(r);
    const spacing = touching.length > 1 ? touching[1] - touching[0] : 0;
    const last = touching.at(-1) ?? 0;
    result.push({
      phase,
      extent: Math.ceil((input - phase) / stride),
      taps: touching.length,
      first: (phase + before - dilation * last) / stride,
      step: (dilation * spacing) / stride,
      tapFirst: last,
      tapStep: -spacing,
    });
  }
  return result;
}

/** Input places that one part of a formula covers, and the windows that hold them: a phase, or a way of its own. */
interface Gather {
  readonly extents: Shape;
  /** How many windows hold each of these places. */
  readonly taps: number;
  at(axes: readonly Axis[]): Index;
  /** Output place of window t. */
  output(axes: readonly Axis[], t: IndexLike): Index;
  /** Kernel position at which window t holds the place. */
  tap(axes: readonly Axis[], t: IndexLike): Index;
}

/** The input places of a slide, each once. Windows that do not overlap are walked as they lie, not phase by phase. */
function gathers(slide: Slide): Gather[] {
  const { input, output, kernel, stride, dilation, before } = slide;
  const end = (output - 1) * stride + kernel;
  if (before !== 0 || dilation !== 1 || kernel > stride || end > input)
    return phases(slide).map(({ phase, extent, taps, first, step, tapFirst, tapStep }) => ({
      extents: [extent],
      taps,
      at: ([i]) => index(i).times(stride).plus(phase),
      output: ([i], t) => index(t).times(step).plus(i).plus(first),
      tap: (_, t) => index(t).times(tapStep).plus(tapFirst),
    }));
  const untouched = (extents: Shape, at: Gather["at"]): Gather => ({
    extents,
    taps: 0,
    at,
    output: () => index(0),
    tap: () => index(0),
  });
  const result: Gather[] = [
    {
      extents: [output, kernel],
      taps: 1,
      at: ([p, r]) => index(p).times(stride).plus(r),
      output: ([p]) => index(p),
      tap: ([, r]) => index(r),
    },
  ];
  if (kernel < stride && output > 1)
    result.push(
      untouched([output - 1, stride - kernel], ([p, r]) => index(p).times(stride).plus(r).plus(kernel)),
    );
  if (end < input) result.push(untouched([input - end], ([i]) => index(i).plus(end)));
  return result;
}

/**
 * The way back through a window: each place of an image [n, h, w, c] sums `term` over the windows that hold it. `term`
 * is given the output place (p, q), which may lie beyond the edges, and the kernel position (r, s) of the place in it.
 */
export function gatherFromWindows(
  [n, , , c]: Shape,
  [vertical, horizontal]: readonly [Slide, Slide],
  term: (n: Axis, p: Index, q: Index, c: Axis, r: Index, s: Index) => Value,
): Formula {
  return gathers(vertical).flatMap((v) =>
    gathers(horizontal).map((h) => {
      const rank = v.extents.length;
      return scatter([n, ...v.extents, ...h.extents, c], (ni, ...rest) => {
        const [i, j, ci] = [rest.slice(0, rank), rest.slice(rank, -1), rest[rest.length - 1]];
        const at = (t: IndexLike, u: IndexLike) =>
          term(ni, v.output(i, t), h.output(j, u), ci, v.tap(i, t), h.tap(j, u));
        const taps = v.taps * h.taps;
        return {
          at: [ni, v.at(i), h.at(j), ci],
          value: taps === 0 ? value(0) : taps === 1 ? at(0, 0) : sum([v.taps, h.taps], at),
        };
      });
    }),
  );
}

/** Where tap r of the window at output place p lies in the input. */
export function tap(p: IndexLike, r: IndexLike, { stride, dilation, before }: Slide): Index {
  return index(p).times(stride).plus(index(r).times(dilation)).minus(before);
}
