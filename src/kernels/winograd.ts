/**
 * Winograd's F(2×2, 3×3): four outputs of a 3×3 correlation from 16 products a channel in place of 36.
 *
 *   y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A        d a 4×4 tile of the image, g a filter, y a 2×2 tile of the result
 *
 * Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015, arXiv:1509.09308, section 4.1. The sums over
 * channels between the transforms are 16 matrix products. All constants are 0, ±1 and ±½: the error stays within two or
 * three times that of the direct sum.
 *
 * Everything is formulas, so renderers need not know: this file only says which.
 */

import { type Part, replaceValue, scatter, substitute } from "./formula.ts";
import { type Axis, axis, type Index, index } from "./index-expression.ts";
import type { Contraction } from "./schedule-contraction.ts";
import { type Operand, Source, sum, type Value, value } from "./value.ts";

/** Rows of G, which filters are multiplied by, of Bᵀ for images, and of Aᵀ for results. */
const filterRows = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
];
const imageRows = [
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, 1, 0, -1],
];
const resultRows = [
  [1, 1, 1, 0],
  [0, 1, -1, -1],
];

/** A 3×3 convolution at stride 1, or its input gradient, as a contraction. */
export interface Correlation {
  readonly contraction: Contraction;
  /** Axes of the result's rows and columns. */
  readonly p: Axis;
  readonly q: Axis;
  /** Axes of the filter's rows and columns, and of the channels that are summed over. */
  readonly r: Axis;
  readonly s: Axis;
  readonly c: Axis;
}

/** The contraction as a 3×3 correlation with an even number of rows and columns; undefined where it is none. */
export function asCorrelation(contraction: Contraction): Correlation | undefined {
  const { a, m, k, batch, part } = contraction;
  if (batch.length > 0 || k.length !== 3 || a.at.length !== 4 || part.at.length !== 4) return undefined;
  const [image, vertical, horizontal, channels] = a.at;
  const [r, s, c] = k;
  const rows = m.filter((each) => !usesAxis(image, each));
  const [p, q] = rows;
  if (rows.length !== 2 || r.extent !== 3 || s.extent !== 3 || !channels.is(c)) return undefined;
  if (p.extent % 2 !== 0 || q.extent % 2 !== 0) return undefined;
  const isSliding = (at: Index, place: Axis, tap: Axis) =>
    at.terms.length === 2 && at.factorOf(place) === 1 && at.factorOf(tap) === 1;
  if (!isSliding(vertical, p, r) || !isSliding(horizontal, q, s)) return undefined;
  return { contraction, p, q, r, s, c };
}

/** The operands between the steps. */
export interface WinogradOperands {
  /** [16, c, k] */
  readonly filters: Operand;
  /** The image rows of one block, [2·tileRows + 2, q + 2, c], its edges filled. */
  readonly box: Operand;
  /** [16, tileRows, tileColumns, c] */
  readonly images: Operand;
  /** [16, tileRows, tileColumns, k] */
  readonly products: Operand;
}

export interface Winograd extends WinogradOperands {
  readonly filterParts: readonly Part[];
  readonly imageParts: readonly Part[];
  readonly productPart: Part;
  /** Parts of the result; they hold the axis `block`, which is not among theirs. */
  readonly resultParts: readonly Part[];
  /** Which block of rows of tiles. */
  readonly block: Axis;
}

/** The formulas for blocks of `tileRows` rows of tiles. */
export function winograd({ contraction, p, q, r, s, c }: Correlation, tileRows: number): Winograd {
  const { b, n: k, part } = contraction;
  const tileColumns = q.extent / 2;
  const filters: Operand = { shape: [16, c.extent, k.extent] };
  const box: Operand = { shape: [2 * tileRows + 2, q.extent + 2, c.extent] };
  const images: Operand = { shape: [16, tileRows, tileColumns, c.extent] };
  const products: Operand = { shape: [16, tileRows, tileColumns, k.extent] };
  const block = axis("block", p.extent / (2 * tileRows));

  const filterAxes = [c.extent, k.extent].map((extent, i) => axis(`g${i}`, extent));
  const tapped = transform(filterRows, filterRows, (ri, si) => {
    const places = new Map<Axis, Index>([
      [r, index(ri)],
      [s, index(si)],
      [c, index(filterAxes[0])],
      [k, index(filterAxes[1])],
    ]);
    return new Source(b.operand).at(...b.at.map((each) => each.substitute(places)));
  });
  const filterParts = positions.map(
    ([i, j], t): Part => ({
      axes: filterAxes,
      at: [index(t), ...filterAxes.map(index)],
      value: tapped[i][j],
    }),
  );

  const imageAxes = [tileRows, tileColumns, c.extent].map((extent, i) => axis(`t${i}`, extent));
  const source = new Source(box);
  const transformed = transform(imageRows, imageRows, (i, j) =>
    source.at(index(imageAxes[0]).times(2).plus(i), index(imageAxes[1]).times(2).plus(j), imageAxes[2]),
  );
  const imageParts = positions.map(([i, j], t) => ({
    axes: imageAxes,
    at: [index(t), ...imageAxes.map(index)],
    value: transformed[i][j],
  }));

  const productPart = scatter([16, tileRows, tileColumns, k.extent], (t, pt, qt, ki) => ({
    at: [t, pt, qt, ki],
    value: sum([c.extent], (ci) =>
      new Source(images).at(t, pt, qt, ci).times(new Source(filters).at(t, ci, ki)),
    ),
  }));

  const resultAxes = [tileRows, tileColumns, k.extent].map((extent, i) => axis(`y${i}`, extent));
  const product = new Source(products);
  const results = transform(resultRows, resultRows, (i, j) => product.at(4 * i + j, ...resultAxes));
  const resultParts = results.flatMap((row, i) =>
    row.map((total, j): Part => {
      const replacement = new Map<Axis, Index>([
        [p, index(block).times(tileRows).plus(resultAxes[0]).times(2).plus(i)],
        [q, index(resultAxes[1]).times(2).plus(j)],
        [k, index(resultAxes[2])],
      ]);
      const marker = value(0);
      const around = replaceValue(part.value, contraction.sum, marker);
      // Substitution keeps constants as they are, so the marker is found again behind it.
      const moved = replaceValue(substitute(around, replacement), marker, total);
      return { axes: resultAxes, at: part.at.map((each) => each.substitute(replacement)), value: moved };
    }),
  );
  return { filters, box, images, products, filterParts, imageParts, productPart, resultParts, block };
}

/** Places of a 4×4 tile, row by row. */
const positions = Array.from({ length: 16 }, (_, t) => [Math.floor(t / 4), t % 4] as const);

/** left · x · rightᵀ for a matrix x of values. */
function transform(
  left: readonly (readonly number[])[],
  right: readonly (readonly number[])[],
  x: (i: number, j: number) => Value,
): Value[][] {
  const width = right[0].length;
  const half = left.map((row) => Array.from({ length: width }, (_, j) => combine(row, (i) => x(i, j))));
  return half.map((row) => right.map((column) => combine(column, (j) => row[j])));
}

/** Σ factors[i] · terms(i), without products by 0 and ±1. */
function combine(factors: readonly number[], terms: (i: number) => Value): Value {
  // A shared factor is taken out; positive terms come first, so that none needs a sign of its own.
  const scale = Math.max(...factors.map(Math.abs));
  const used = factors
    .map((factor, i) => ({ factor: factor / scale, i }))
    .filter(({ factor }) => factor !== 0);
  used.sort((x, y) => y.factor - x.factor || x.i - y.i);
  let total: Value | undefined;
  for (const { factor, i } of used) {
    if (total === undefined) total = factor > 0 ? terms(i) : terms(i).negate();
    else total = factor > 0 ? total.plus(terms(i)) : total.minus(terms(i));
  }
  return (total ?? value(0)).times(scale);
}

function usesAxis(at: Index, of: Axis): boolean {
  return at.factorOf(of) !== 0;
}
