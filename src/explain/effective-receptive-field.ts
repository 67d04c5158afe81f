/**
 * What one place of a map really looks at: the size of its gradient at each pixel, which falls off towards the edges of the receptive
 * field that arithmetic gives.
 *
 * Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in deep convolutional neural networks", 2016,
 * arXiv:1701.04128, sections 2 and 3.
 */

import type { Engine } from "../engines/engine.ts";
import { gradients } from "../graph/backward.ts";
import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import { type ReceptiveField, receptiveFields } from "../models/receptive-field.ts";
import { initialValues } from "../nn/initializers.ts";
import type { Network } from "../nn/network.ts";
import { multiply } from "../ops/multiply.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { slice } from "../ops/slice.ts";
import { sum } from "../ops/sum.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { keyOf, RandomStream } from "../tensor/random.ts";
import { size } from "../tensor/shape.ts";

export interface EffectiveFieldOptions {
  readonly engine: Engine;
  /** The place whose middle looks, as `network.tap` knows it. Default: the last map. */
  readonly at?: string;
  /** Random images that are averaged over. Default 8. */
  readonly images?: number;
  /** Draws images, signs and weights. Default 0. */
  readonly seed?: number;
  /** Parameters and running statistics by name. Default: the network's initial values. */
  readonly values?: ReadonlyMap<string, ArrayLike<number>>;
}

export interface EffectiveReceptiveField {
  readonly at: string;
  /** Shape of the map, [h, w, c]. */
  readonly map: readonly number[];
  /** Of the image. */
  readonly height: number;
  readonly width: number;
  /** Size of the gradient at each pixel, [height, width], 1 where it is greatest. */
  readonly values: Float32Array;
  /** What arithmetic says that the place sees. */
  readonly theoretical: ReceptiveField;
  /** First pixel that it sees by arithmetic, and how many, clipped to the image: [top, left, height, width]. */
  readonly box: readonly [top: number, left: number, height: number, width: number];
  /** Edge of a square with as many pixels as have more than 4.55 % of the greatest value, two deviations of a normal curve. */
  readonly edge: number;
}

/** Share of the greatest gradient that counts as looked at: 1 − 0.9545, as in section 3 of the paper. */
const share = 1 - 0.9545;

/**
 * Root mean square of ∂s/∂x over images and colours, s being the sum of the middle place's channels with random signs. `network` is
 * in inference form, for one image. Throws an OptionError where the place has no map, or none that sees the image.
 */
export async function effectiveReceptiveField(
  network: Network,
  options: EffectiveFieldOptions,
): Promise<EffectiveReceptiveField> {
  const { engine, images = 8, seed = 0 } = options;
  if (!Number.isInteger(images) || images < 1)
    throw new OptionError(`images is ${images}; it is a whole number from 1 on.`, { images });
  const [x] = Object.values(network.inputs);
  if (network.training || x.shape[0] !== 1)
    throw new ShapeError("the network must be in inference form, for one image: input [1, h, w, c].", {
      shape: x.shape,
    });
  const fields = receptiveFields(Object.values(network.outputs), x);
  const at = options.at ?? lastMap(network, fields);
  const tensor = network.tap(at);
  const theoretical = fields.get(tensor);
  if (tensor.shape.length !== 4 || theoretical === undefined) {
    throw new OptionError(`${at} gives ${tensor.shape.slice(1).join("×")}, which is no map of the image.`, {
      at,
      shape: tensor.shape,
    });
  }
  const [, h, w, k] = tensor.shape;
  const middle = [h, w].map((extent) => Math.floor((extent - 1) / 2));
  const row = slice({ x: tensor }, { from: middle[0], length: 1, axis: 1 });
  const place = slice({ x: row }, { from: middle[1], length: 1, axis: 2 });
  const signs = input("signs", [1, 1, 1, k]);
  const s = sum({ x: multiply({ a: place, b: signs }, {}) }, { axes: [0, 1, 2, 3] });
  const [dx] = gradients(s, [x]);
  if (dx === undefined) throw new OptionError(`${at} does not depend on the image.`, { at });

  const state = new StateLayout();
  state.append("parameters", network.parameters);
  state.append("states", network.states);
  const session = await engine.open(state);
  try {
    for (const [name, values] of options.values ?? initialValues(network, seed)) session.write(name, values);
    const program = await session.load(plan({ outputs: { dx }, state }));
    const [height, width, colours] = x.shape.slice(1);
    const squares = new Float64Array(height * width);
    for (let n = 0; n < images; n++) {
      const random = new RandomStream(keyOf(seed, n));
      const feeds = {
        x: Float32Array.from({ length: size(x.shape) }, () => random.normal()),
        signs: Float32Array.from({ length: k }, () => (random.uniform() < 0.5 ? -1 : 1)),
      };
      const { dx: gradient } = await program.run(named(network, x, feeds));
      for (let i = 0; i < gradient.length; i++) squares[Math.floor(i / colours)] += gradient[i] ** 2;
    }
    const greatest = squares.reduce((a, b) => Math.max(a, b), 0);
    const values = Float32Array.from(squares, (each) => (greatest > 0 ? Math.sqrt(each / greatest) : 0));
    const seen = values.reduce((count, value) => count + (value > share ? 1 : 0), 0);
    const spans = theoretical.map(({ size: span, start, stride }, axis) => {
      const first = start + middle[axis] * stride;
      const [from, to] = [Math.max(0, first), Math.min([height, width][axis], first + span)];
      return [from, to - from] as const;
    });
    return {
      at,
      map: [h, w, k],
      height,
      width,
      values,
      theoretical,
      box: [spans[0][0], spans[1][0], spans[0][1], spans[1][1]],
      edge: Math.sqrt(seen),
    };
  } finally {
    session.dispose();
  }
}

/** Inputs by the network's own names: the image may be called otherwise than "x". */
function named(
  network: Network,
  x: Tensor,
  feeds: { readonly x: Float32Array; readonly signs: Float32Array },
) {
  const [name] = Object.entries(network.inputs).find(([, tensor]) => tensor === x) ?? ["x"];
  return { [name]: feeds.x, signs: feeds.signs };
}

/** The last place with a map of more than one place. */
function lastMap(network: Network, fields: ReadonlyMap<Tensor, ReceptiveField>): string {
  const found = [...network.places].reverse().find((place) => {
    const { shape } = network.tap(place);
    return shape.length === 4 && shape[1] * shape[2] > 1 && fields.has(network.tap(place));
  });
  if (found === undefined) throw new OptionError("the network has no map to look from: name a place.", {});
  return found;
}
