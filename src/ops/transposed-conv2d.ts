/**
 * Transposed convolution: each place of x adds its multiple of the filters to the places that a convolution would have
 * seen; the input gradient of that convolution, used forwards.
 *
 *   x [n, h, w, c], weight [r, s, k/groups, c], bias [k]?  →  y [n, p, q, k]
 *   p = (h − 1)·stride − 2·padding + dilation·(r − 1) + outputPadding + 1, and q from w and s alike
 *
 * The weight is the filter of the convolution from y to x. Zeiler et al., "Deconvolutional Networks", 2010; Long,
 * Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014, section 3.3.
 */

import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { type Conv2dAttributes, conv2d, conv2dInputGradient, conv2dWeightGradient } from "./conv2d.ts";
import { requireImages } from "./image.ts";
import { defineOp, type Op } from "./operation.ts";
import { sum } from "./sum.ts";
import { type Pair, pair } from "./window.ts";

export interface TransposedConv2dAttributes {
  /** Distance between the places of y that neighbours of x begin at. Default 1. */
  readonly stride?: Pair;
  /** Rows and columns that are cut off on each side of y: the padding of the convolution. Default 0. */
  readonly padding?: Pair;
  /** Rows and columns added at the bottom and right of y, to choose among sizes a strided convolution maps to x. Default 0. */
  readonly outputPadding?: Pair;
  /** Distance between the filter's taps. Default 1. */
  readonly dilation?: Pair;
  /** Into how many parts channels are split, each with filters of its own. Default 1. */
  readonly groups?: number;
}

export const transposedConv2d: Op<"x" | "weight" | "bias", TransposedConv2dAttributes> = defineOp({
  name: "transposedConv2d",
  shape({ x, weight, bias }, attributes) {
    requireImages(x);
    const { groups = 1 } = attributes;
    if (weight.length !== 4 || weight[3] !== x[3])
      throw new ShapeError(
        `x ${formatShape(x)} has ${x[3]} channels, but weight ${formatShape(weight)} must be [r, s, k/groups, ${x[3]}].`,
        { x, weight },
      );
    if (!Number.isInteger(groups) || groups < 1 || x[3] % groups !== 0)
      throw new ShapeError(
        `groups is ${groups}, but must be whole and divide the ${x[3]} channels of x ${formatShape(x)}.`,
        { x, groups },
      );
    const filters = weight[2] * groups;
    if (bias !== undefined && (bias.length !== 1 || bias[0] !== filters))
      throw new ShapeError(`bias ${formatShape(bias)} must be [${filters}], one number for each filter.`, {
        bias,
      });
    return [x[0], extent(x, weight, 0, attributes), extent(x, weight, 1, attributes), filters];
  },
  cost: ({ x: [n, h, w], weight: [r, s, k, c] }) => ({ macs: n * h * w * r * s * k * c }),
  value({ x, weight, bias }, attributes, shape) {
    const parts = conv2dInputGradient.operation.value(
      { dy: x, weight },
      { ...convolution(attributes), inputShape: shape },
      shape,
    );
    if (bias === undefined) return parts;
    return parts.map((part) => ({ ...part, value: part.value.plus(bias.at(part.at[3])) }));
  },
  gradient({ x, weight, bias }, dy, attributes) {
    const options = convolution(attributes);
    return {
      x: conv2d({ x: dy, weight, bias: undefined }, options),
      weight: conv2dWeightGradient({ x: dy, dy: x }, { ...options, weightShape: weight.shape }),
      ...(bias === undefined ? {} : { bias: sum({ x: dy }, { axes: [0, 1, 2] }) }),
    };
  },
});

/** The options of the convolution from y to x. */
function convolution({ outputPadding: _, ...attributes }: TransposedConv2dAttributes): Conv2dAttributes {
  return attributes;
}

function extent(x: Shape, weight: Shape, axis: 0 | 1, attributes: TransposedConv2dAttributes): number {
  const [stride, padding, extra, dilation] = [
    pair(attributes.stride ?? 1)[axis],
    pair(attributes.padding ?? 0)[axis],
    pair(attributes.outputPadding ?? 0)[axis],
    pair(attributes.dilation ?? 1)[axis],
  ];
  for (const [name, each, least] of [
    ["stride", stride, 1],
    ["dilation", dilation, 1],
    ["padding", padding, 0],
    ["outputPadding", extra, 0],
  ] as const)
    if (!Number.isInteger(each) || each < least)
      throw new OptionError(`${name} is ${each}, but must be a whole number of at least ${least}.`, {
        [name]: each,
      });
  // More would be a place that no convolution back to x sees.
  if (extra >= stride)
    throw new OptionError(`outputPadding is ${extra}, but must be below the stride of ${stride}.`, {
      outputPadding: extra,
      stride,
    });
  return (x[axis + 1] - 1) * stride - 2 * padding + dilation * (weight[axis] - 1) + extra + 1;
}
