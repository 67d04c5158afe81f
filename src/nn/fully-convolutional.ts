/**
 * Classifiers read as convolutions: linear layers become filters that see what was flattened for them, so that a larger image
 * gives a map of logits at about the cost of its features, where the classifier would be run anew on every patch.
 *
 * Sermanet et al., "OverFeat", 2013, arXiv:1312.6229, section 3.5; Long, Shelhamer and Darrell, "Fully Convolutional Networks for
 * Semantic Segmentation", 2014, arXiv:1411.4038, section 3.1; LeCun et al., "Gradient-Based Learning Applied to Document
 * Recognition", 1998, section VII (space displacement neural networks).
 */

import { orderOf } from "../graph/order.ts";
import { avgPool2d } from "../ops/avg-pool2d.ts";
import { conv2d } from "../ops/conv2d.ts";
import { filterOfMatrix } from "../ops/filter-of-matrix.ts";
import { maxPool2d } from "../ops/max-pool2d.ts";
import { defineOp, input, type Node, type Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { reshape } from "../ops/reshape.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import type { NamedTensors } from "./network.ts";
import { checkWhole } from "./options.ts";
import { isTensor, type Layer, type Scope } from "./scope.ts";

export interface FullyConvolutionalOptions {
  /** Height and width of the images that the classifier takes. */
  readonly patch: readonly [h: number, w: number];
}

/**
 * The classifier as a layer from images [n, h, w, c] of its size or larger to logits [n, p, q, classes], one for each place
 * that its windows reach. Parameters keep their names and shapes, so weights flow without change; filters are made of
 * matrices when the weights have changed, not at every run.
 *
 *   build(fullyConvolutional(alexnet(), { patch: [224, 224] }), { input: [1, 512, 640, 3] })    logits [1, 10, 14, 1000]
 *
 * Logits at (i, j) are those of the patch whose first pixel is (i·stride, j·stride), stride the product of all strides. Where a
 * layer pads, or a pooling rounds up, the classifier sees zeros or nothing at the edges of its patch, and the map the
 * neighbouring pixels: it is the classifier with more context, as in the papers. Without padding both are equal.
 *
 * Throws an OptionError where layers look at the whole patch in another way than pooling, flattening and linear layers, such
 * as the gates of squeeze and excitation.
 */
export function fullyConvolutional(
  model: Layer<Tensor | NamedTensors>,
  { patch: [height, width] }: FullyConvolutionalOptions,
): Layer<Tensor | NamedTensors> {
  checkWhole("fullyConvolutional", "patch", height);
  checkWhole("fullyConvolutional", "patch", width);
  return (x, scope) => {
    const [n, h, w, c] = x.shape;
    if (x.shape.length !== 4 || h < height || w < width)
      throw new ShapeError(
        `fullyConvolutional: x ${formatShape(x.shape)} must be images of at least ${height}×${width}, the classifier's patch.`,
        { x: x.shape, patch: [height, width] },
      );
    const patch = input("patch", [n, height, width, c]);
    const updates: { readonly state: Tensor; readonly value: Tensor }[] = [];
    const result = model(
      patch,
      withoutPlaces(scope, (state, value) => updates.push({ state, value })),
    );
    const outputs: NamedTensors = isTensor(result) ? { logits: result } : result;
    const slid = slide([...Object.values(outputs), ...updates.map(({ value }) => value)], patch, x);
    const take = (tensor: Tensor): Tensor => {
      const { map, window } = slid.get(tensor) ?? { map: tensor, window: one };
      if (window === one) return map;
      throw new OptionError(
        "fullyConvolutional: the classifier ends in a flattened map, without a linear layer.",
      );
    };
    for (const { state, value } of updates) scope.update(state, take(value));
    const mapped = Object.entries(outputs).map(([name, tensor]) => [name, take(tensor)] as const);
    return isTensor(result) ? mapped[0][1] : Object.fromEntries(mapped);
  };
}

/**
 * The scope, but for the places that layers return and the updates that they record: both are of the patch's graph, which is
 * not what is computed in the end.
 */
function withoutPlaces(scope: Scope, update: Scope["update"]): Scope {
  return {
    ...scope,
    update,
    child<Out, In>(name: string, layer: Layer<Out, In>, x: In): Out {
      // What is not a tensor is not entered as a place.
      const { returned } = scope.child(
        name,
        (given: In, inner) => ({ returned: layer(given, withoutPlaces(inner, update)) }),
        x,
      );
      return returned;
    },
  };
}

/** A tensor of the patch's graph on the whole image. */
interface Slid {
  /** The same map on a larger image; for rows [n, c] the map [n, p, q, c] of them. */
  readonly map: Tensor;
  /** How many places of `map` were flattened into a row, which a linear layer then sees as one. */
  readonly window: readonly [h: number, w: number];
}

const one = [1, 1] as const;

/** Everything that depends on `patch`, on `x` in its place. */
function slide(outputs: readonly Tensor[], patch: Tensor, x: Tensor): Map<Tensor, Slid> {
  const slid = new Map<Tensor, Slid>([[patch, { map: x, window: one }]]);
  for (const tensor of orderOf(outputs)) {
    const { node } = tensor;
    if (node === undefined || !Object.values(node.inputs).some((each) => slid.has(each))) continue;
    slid.set(
      tensor,
      within(tensor.name, () => slideNode(tensor, node, slid)),
    );
  }
  return slid;
}

function slideNode(tensor: Tensor, node: Node, slid: ReadonlyMap<Tensor, Slid>): Slid {
  const { operation, inputs, attributes } = node;
  const from = inputs.x;
  const given = from === undefined ? undefined : slid.get(from);
  if (given !== undefined) {
    const [, h, w] = from.shape;
    const isImage = from.shape.length === 4;
    const whole = { kernel: [h, w], stride: 1 } as const;
    switch (operation.name) {
      case "flatten":
        return { map: given.map, window: [h, w] };
      case "globalAveragePool2d":
        return { map: avgPool2d({ x: given.map }, whole), window: one };
      case "globalMaxPool2d":
        return { map: maxPool2d({ x: given.map }, whole), window: one };
      case "linear":
        return { map: convolved(given, node), window: one };
      case "reshape":
        // Flattening a single place.
        if (isImage && h * w === 1 && tensor.shape.length === 2) return { map: given.map, window: one };
    }
    // Elementwise operations, such as dropout, may stand between flattening and the linear layer.
    if (given.window !== one && !(Object.keys(inputs).length === 1 && sameExtent(from.shape, tensor.shape)))
      throw refused(tensor, operation.name);
  }
  if (boundToSize.has(operation.name)) throw refused(tensor, operation.name);
  const replaced = Object.fromEntries(
    Object.entries(inputs).map(([name, each]) => [name, slid.get(each)?.map ?? each]),
  );
  return { map: defineOp(operation)(replaced, attributes), window: given?.window ?? one };
}

/** The linear layer as a convolution over what was flattened. */
function convolved({ map, window }: Slid, { inputs: { weight, bias } }: Node): Tensor {
  const filter =
    window === one
      ? reshape({ x: weight }, { shape: [1, 1, ...weight.shape] })
      : filterOfMatrix({ matrix: weight }, { kernel: window });
  return conv2d({ x: map, weight: filter, bias }, {});
}

/** Operations whose result has the size of the patch written into it, or that mix all its places. */
const boundToSize: ReadonlySet<string> = new Set([
  "reshape",
  "unflatten",
  "broadcastTo",
  "sum",
  "mean",
  "matmul",
  "resample",
  "resampleMatrix",
  "resampleThroughMatrix",
  "groupMoments",
  "groupNormShiftedSums",
]);

function refused({ name, shape }: Tensor, operation: string): OptionError {
  return new OptionError(
    `fullyConvolutional: ${operation} at ${name} gives ${formatShape(shape)} for the patch, which does not slide. Only pooling, ` +
      "flattening and linear layers may see a whole patch.",
    { operation, place: name },
  );
}

function sameExtent(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}
