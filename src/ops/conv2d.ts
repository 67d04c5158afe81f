/**
 * Cross-correlation of each image with each filter, plus a bias per filter.
 *
 *   x [n, h, w, c], weight [r, s, c/groups, k], bias [k]?  →  y [n, p, q, k]
 *   p = ⌊(h + padding − dilation·(r − 1) − 1) / stride⌋ + 1, and q from w and s alike
 *
 * Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285.
 */

import { scatter } from "../kernels/formula.ts";
import { type Axis, index } from "../kernels/index-expression.ts";
import { sum, value } from "../kernels/value.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { defineOp, type Op } from "./operation.ts";
import { sum as sumOp } from "./sum.ts";
import { type Padding, type Pair, phases, type Rounding, type Slide, slides, tap } from "./window.ts";

export interface Conv2dAttributes {
  /** Step of the filter, in places of the input. Default 1. */
  readonly stride?: Pair;
  /** Zeros around the input. Default 0. */
  readonly padding?: Padding;
  /** Distance between the filter's taps. Default 1. */
  readonly dilation?: Pair;
  /** Into how many parts channels are split, each with filters of its own; c for depthwise. Default 1. */
  readonly groups?: number;
  /** "exact" refuses sizes that the stride does not divide. Default "floor". */
  readonly rounding?: Rounding;
}

/** Sizes of a convolution, from the shapes of its image and filter. */
function geometry(x: Shape, weight: Shape, attributes: Conv2dAttributes): [Slide, Slide] {
  return slides(x[1], x[2], { ...attributes, kernel: [weight[0], weight[1]] });
}

export const conv2d: Op<"x" | "weight" | "bias", Conv2dAttributes> = defineOp({
  name: "conv2d",
  shape({ x, weight, bias }, attributes) {
    checkFilter(x, weight, attributes.groups ?? 1);
    if (bias !== undefined && (bias.length !== 1 || bias[0] !== weight[3]))
      throw new ShapeError(`bias ${formatShape(bias)} must be [${weight[3]}], one number for each filter.`);
    const [vertical, horizontal] = geometry(x, weight, attributes);
    return [x[0], vertical.output, horizontal.output, weight[3]];
  },
  cost: ({ weight: [r, s, c, k] }, [n, p, q]) => ({ macs: n * p * q * r * s * c * k }),
  value({ x, weight, bias }, attributes, [n, p, q, k]) {
    const { groups = 1 } = attributes;
    const [v, h] = geometry(x.shape, weight.shape, attributes);
    const [r, s, c] = weight.shape;
    const perGroup = k / groups;
    const y = (ni: Axis, pi: Axis, qi: Axis, g: Axis, ki: Axis) => {
      const filter = index(g).times(perGroup).plus(ki);
      const products = sum([r, s, c], (ri, si, ci) =>
        x
          .padded(0, ni, tap(pi, ri, v), tap(qi, si, h), index(g).times(c).plus(ci))
          .times(weight.at(ri, si, ci, filter)),
      );
      return {
        at: [ni, pi, qi, filter],
        value: bias === undefined ? products : products.plus(bias.at(filter)),
      };
    };
    return [scatter([n, p, q, groups, perGroup], y)];
  },
  gradient: ({ x, weight, bias }, dy, attributes) => ({
    // y is linear in x and in weight: each gradient is the adjoint of the map that holds the other fixed.
    x: conv2dInputGradient({ dy, weight }, { ...attributes, inputShape: x.shape }),
    weight: conv2dWeightGradient({ x, dy }, { ...attributes, weightShape: weight.shape }),
    ...(bias === undefined ? {} : { bias: sumOp({ x: dy }, { axes: [0, 1, 2] }) }),
  }),
  window(attributes, { x, weight }) {
    const [v, h] = geometry(x, weight, attributes);
    return {
      kernel: [v.kernel, h.kernel],
      stride: [v.stride, h.stride],
      dilation: [v.dilation, h.dilation],
      padding: [v.before, h.before],
    };
  },
});

/** dx of a convolution, and the value of a transposed one: each input place gathers from the outputs that saw it. */
export const conv2dInputGradient = defineOp<
  "dy" | "weight",
  Conv2dAttributes & { readonly inputShape: Shape }
>({
  name: "conv2dInputGradient",
  shape: (_, { inputShape }) => inputShape,
  cost: ({ dy: [n, p, q], weight: [r, s, c, k] }) => ({ macs: n * p * q * r * s * c * k }),
  value({ dy, weight }, attributes) {
    const { inputShape, groups = 1 } = attributes;
    const [n, , , channels] = inputShape;
    const [, , c, k] = weight.shape;
    const perGroup = k / groups;
    const [vertical, horizontal] = geometry(inputShape, weight.shape, attributes);
    return phases(vertical).flatMap((v) =>
      phases(horizontal).map((h) =>
        scatter([n, v.extent, h.extent, groups, channels / groups], (ni, i, j, g, ci) => ({
          at: [
            ni,
            index(i).times(vertical.stride).plus(v.phase),
            index(j).times(horizontal.stride).plus(h.phase),
            index(g).times(c).plus(ci),
          ],
          value:
            v.taps * h.taps === 0
              ? value(0)
              : sum([v.taps, h.taps, perGroup], (t, u, ki) => {
                  const filter = index(g).times(perGroup).plus(ki);
                  const pi = index(t).times(v.step).plus(i).plus(v.first);
                  const qi = index(u).times(h.step).plus(j).plus(h.first);
                  return dy
                    .padded(0, ni, pi, qi, filter)
                    .times(
                      weight.at(
                        index(t).times(v.tapStep).plus(v.tapFirst),
                        index(u).times(h.tapStep).plus(h.tapFirst),
                        ci,
                        filter,
                      ),
                    );
                }),
        })),
      ),
    );
  },
  gradient: ({ dy, weight }, ddx, { inputShape: _, ...attributes }) => ({
    dy: conv2d({ x: ddx, weight, bias: undefined }, attributes),
    weight: conv2dWeightGradient({ x: ddx, dy }, { ...attributes, weightShape: weight.shape }),
  }),
});

/** dWeight of a convolution: each tap sums over all places where it met the input. */
export const conv2dWeightGradient: Op<"x" | "dy", Conv2dAttributes & { readonly weightShape: Shape }> =
  defineOp({
    name: "conv2dWeightGradient",
    shape: (_, { weightShape }) => weightShape,
    cost: ({ dy: [n, p, q] }, [r, s, c, k]) => ({ macs: n * p * q * r * s * c * k }),
    value({ x, dy }, attributes, [r, s, c, k]) {
      const { groups = 1 } = attributes;
      const perGroup = k / groups;
      const [v, h] = geometry(x.shape, [r, s, c, k], attributes);
      const [n, p, q] = dy.shape;
      return [
        scatter([r, s, groups, c, perGroup], (ri, si, g, ci, ki) => {
          const filter = index(g).times(perGroup).plus(ki);
          const products = sum([n, p, q], (ni, pi, qi) =>
            x
              .padded(0, ni, tap(pi, ri, v), tap(qi, si, h), index(g).times(c).plus(ci))
              .times(dy.at(ni, pi, qi, filter)),
          );
          return { at: [ri, si, ci, filter], value: products };
        }),
      ];
    },
    gradient: ({ x, dy }, ddWeight, { weightShape: _, ...attributes }) => ({
      x: conv2dInputGradient({ dy, weight: ddWeight }, { ...attributes, inputShape: x.shape }),
      dy: conv2d({ x, weight: ddWeight, bias: undefined }, attributes),
    }),
  });

function checkFilter(x: Shape, weight: Shape, groups: number): void {
  if (x.length !== 4 || weight.length !== 4)
    throw new ShapeError(
      `x ${formatShape(x)} and weight ${formatShape(weight)} must have four axes: [n, h, w, c] and [r, s, c/groups, k].`,
    );
  const [, , , c] = x;
  const [, , cPerGroup, k] = weight;
  if (!Number.isInteger(groups) || groups < 1 || k % groups !== 0)
    throw new ShapeError(
      `groups is ${groups}, but must be whole and divide the ${k} filters of ${formatShape(weight)}.`,
    );
  if (c === cPerGroup * groups) return;
  const fits = c % cPerGroup === 0 && k % (c / cPerGroup) === 0;
  throw new ShapeError(
    `x has ${c} channels, but weight ${formatShape(weight)} with groups ${groups} takes ${cPerGroup * groups}.` +
      (fits ? ` Set groups to ${c / cPerGroup}?` : ""),
    { channels: c, weight, groups },
  );
}
