/**
 * Renders gradients of 3×3 filters at stride 1 by the adjoint of Winograd's algorithm: images and gradients are transformed row of
 * tiles by row of tiles, multiplied and summed over all tiles of all images, and the sums transformed back.
 */

import type { Layout } from "../layout.ts";
import { asContraction, type Read } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import type { WeightGradient } from "../winograd-forms.ts";
import { type BoxTransform, weightGradientByHalves } from "../winograd-halves.ts";
import { renderContraction } from "./contraction.ts";
import { renderTransform } from "./nest.ts";
import type { Launch, Target } from "./target.ts";
import { emitBoxTransform, renderBoxTransform } from "./winograd-box.ts";

/** Fewer channels on either side leave too little work between the transforms. */
const leastChannels = 16;
/** What transforming a number costs, and what summing and reading one of a filter does, in multiply-adds. */
const transformCost = 10;
const filterCost = 8;

/** The launches, or undefined where the direct sum is estimated to be as fast. */
export function renderWinogradGradient(
  target: Target,
  gradient: WeightGradient,
  layout: Layout,
): Launch[] | undefined {
  const { contraction, c, p, q, image } = gradient;
  const reads = [contraction.a, contraction.b];
  if (reads.some(({ operand }) => target.layoutOf(operand).strides[3] !== 1)) return undefined;
  const [k, images] = [contraction.n.extent, image?.extent ?? 1];
  if (c.extent < leastChannels || k < leastChannels) return undefined;
  const direct = images * p.extent * q.extent * 9 * c.extent * k;
  const tiles = images * Math.ceil(p.extent / 4) * Math.ceil(q.extent / 4);
  const time = 36 * (tiles * (c.extent * k + transformCost * (c.extent + k)) + filterCost * c.extent * k);
  if (time > 0.9 * direct) return undefined;
  const w = weightGradientByHalves(gradient);
  const [ofImages, ofGradients] = [w.imageTransform, w.gradientTransform];
  for (const each of [w.images, w.gradients, w.products]) target.place(each);
  target.placeInThread([ofImages.box, ofImages.columns, ofGradients.box, ofGradients.columns]);
  const products = target.layoutOf(w.products);
  const product = asContraction(w.productPart, products, (operand) => target.layoutOf(operand));
  const multiplied = product && renderContraction(target, product, products);
  if (multiplied === undefined) return undefined;
  const [tileRow, ofImage] = w.places;
  /** A launch whose tasks are the rows of tiles of all images. */
  const transformed = (read: Read, transform: BoxTransform, to: Operand): Launch => {
    const tile = renderBoxTransform(target, transform, to, w.places);
    const f = target.kernel();
    const [from, row, place] = [0, 1, 2].map(() => f.local("i32"));
    f.get(f.parameter(0)).i32(tileRow.extent).op("i32.rem_u").tee(row).i32(4).op("i32.mul").set(from);
    f.get(f.parameter(0)).i32(tileRow.extent).op("i32.div_u").set(place);
    emitBoxTransform(f, target, read, { axis: p, block: 4, from, outside: image, place }, tile, [row, place]);
    return { name: f.name, index: target.module.add(f), tasks: tileRow.extent * ofImage.extent };
  };
  return [
    transformed(contraction.a, ofImages, w.images),
    transformed(contraction.b, ofGradients, w.gradients),
    ...multiplied,
    renderTransform(
      target,
      w.resultParts.map((part) => ({ part, layout })),
    ),
  ];
}
