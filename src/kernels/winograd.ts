/**
 * Winograd's F(2×2, 3×3) and F(4×4, 3×3): 4 outputs of a 3×3 correlation from 16 products a channel in place of 36, or 16
 * from 36 in place of 144.
 *
 *   y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A        d a tile of the image, g a filter, y a tile of the result
 *
 * Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015, arXiv:1509.09308, section 4.1. The sums over
 * channels between the transforms are 16 or 36 matrix products. The error stays within two or three times that of the direct
 * sum. For F(4×4) that takes other points than Lavin and Gray's, with which it is five times: the search is that of Barabasz,
 * Anderson, Soodhalter and Gregg, "Error analysis and improving the accuracy of Winograd convolution for deep neural networks",
 * 2018, arXiv:1803.10986.
 *
 * Everything is formulas, so renderers need not know: this file only says which.
 */

import { type Part, replaceValue, scatter, substitute } from "./formula.ts";
import { type Axis, axis, type Index, index } from "./index-expression.ts";
import type { Contraction } from "./schedule-contraction.ts";
import { type Operand, Source, sum, type Value, value } from "./value.ts";
import type { Correlation } from "./winograd-forms.ts";

/** Rows of G, which filters are multiplied by, of Bᵀ for images, and of Aᵀ for results. */
export const transforms = {
  2: {
    filterRows: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, -1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    imageRows: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, 1, 0, -1],
    ],
    resultRows: [
      [1, 1, 1, 0],
      [0, 1, -1, -1],
    ],
  },
  // Points 0, ±√½, ±√2 and infinity: less than half the rounding error of Lavin and Gray's 0, ±1, ±2.
  4: {
    filterRows: [
      [1, 0, 0],
      [-2 / 3, (-2 / 3) * Math.SQRT1_2, -1 / 3],
      [-2 / 3, (2 / 3) * Math.SQRT1_2, -1 / 3],
      [1 / 6, Math.SQRT2 / 6, 1 / 3],
      [1 / 6, -Math.SQRT2 / 6, 1 / 3],
      [0, 0, 1],
    ],
    imageRows: [
      [1, 0, -5 / 2, 0, 1, 0],
      [0, -Math.SQRT2, -2, Math.SQRT1_2, 1, 0],
      [0, Math.SQRT2, -2, -Math.SQRT1_2, 1, 0],
      [0, -Math.SQRT1_2, -1 / 2, Math.SQRT2, 1, 0],
      [0, Math.SQRT1_2, -1 / 2, -Math.SQRT2, 1, 0],
      [0, 1, 0, -5 / 2, 0, 1],
    ],
    resultRows: [
      [1, 1, 1, 1, 1, 0],
      [0, Math.SQRT1_2, -Math.SQRT1_2, Math.SQRT2, -Math.SQRT2, 0],
      [0, 1 / 2, 1 / 2, 2, 2, 0],
      [0, Math.SQRT1_2 / 2, -Math.SQRT1_2 / 2, 2 * Math.SQRT2, -2 * Math.SQRT2, 1],
    ],
  },
} as const;

/** How a correlation is cut up. */
export interface WinogradOptions {
  /** Rows and columns of a tile of the result. */
  readonly size: 2 | 4;
  /** Rows of tiles in a block; the last block may go beyond the result. */
  readonly tileRows: number;
  /** Images that are worked on together; divides their number. Default 1. */
  readonly together?: number;
  /** Parts of the result's channels that are worked on apart; divides their number. Default 1. */
  readonly shares?: number;
  /** Panels of columns in which the filters of a share lie, as register tiles read them; divides their number. Default 1. */
  readonly panels?: number;
}

/** The operands between the steps. */
export interface WinogradOperands {
  /** [α², shares·panels, c, k / (shares·panels)], with α = size + 2 */
  readonly filters: Operand;
  /** The image rows of one block, [size·tileRows + 2, size·tileColumns + 2, c], its edges filled. */
  readonly box: Operand;
  /** [α², together, tileRows, tileColumns, c] */
  readonly images: Operand;
  /** [α², together, tileRows, tileColumns, k / shares] */
  readonly products: Operand;
}

export interface Winograd extends WinogradOperands {
  readonly filterParts: readonly Part[];
  /** They hold `image`. */
  readonly imageParts: readonly Part[];
  /** It holds `share`. */
  readonly productPart: Part;
  /** Parts of each region of a row of tiles: those all of whose rows are in the result, and the last, where it is cut. They hold `places`. */
  readonly wholeRow: readonly (readonly Part[])[];
  readonly cutRow: readonly (readonly Part[])[];
  /** Which block of rows of tiles, which group of images, which image of it, which share of the channels, which row of tiles of the block. */
  readonly block: Axis;
  readonly group: Axis;
  readonly image: Axis;
  readonly share: Axis;
  readonly tileRow: Axis;
  /** All of them, in this order. */
  readonly places: readonly Axis[];
}

export function winograd(correlation: Correlation, options: WinogradOptions): Winograd {
  const { contraction, p, q, c } = correlation;
  const { n: k } = contraction;
  const { size, tileRows, together = 1, shares = 1, panels = 1 } = options;
  const { imageRows } = transforms[size];
  const positions = placesOf(size);
  const tileColumns = Math.ceil(q.extent / size);
  const kShare = k.extent / shares;
  const tiles = [together, tileRows, tileColumns];
  const box: Operand = { shape: [size * tileRows + 2, size * tileColumns + 2, c.extent] };
  const images: Operand = { shape: [positions.length, ...tiles, c.extent] };
  const products: Operand = { shape: [positions.length, ...tiles, kShare] };
  const block = axis("block", Math.ceil(p.extent / (size * tileRows)));
  const group = axis("group", (correlation.image?.extent ?? 1) / together);
  const image = axis("image", together);
  const share = axis("share", shares);
  const tileRow = axis("tileRow", tileRows);

  const { filters, filterParts } = filterTransform(correlation, size, shares * panels);

  const imageAxes = [tileRows, tileColumns, c.extent].map((extent, i) => axis(`t${i}`, extent));
  const source = new Source(box);
  const transformed = transform(imageRows, imageRows, (i, j) =>
    source.at(index(imageAxes[0]).times(size).plus(i), index(imageAxes[1]).times(size).plus(j), imageAxes[2]),
  );
  const imageParts = positions.map(([i, j], t) => ({
    axes: imageAxes,
    at: [index(t), index(image), ...imageAxes.map(index)],
    value: transformed[i][j],
  }));

  const width = kShare / panels;
  const productPart = scatter([positions.length, panels, ...tiles, width], (t, panel, g, pt, qt, ki) => ({
    at: [t, g, pt, qt, index(panel).times(width).plus(ki)],
    value: sum([c.extent], (ci) =>
      new Source(images)
        .at(t, g, pt, qt, ci)
        .times(new Source(filters).at(t, index(share).times(panels).plus(panel), ci, ki)),
    ),
  }));

  const product = new Source(products);
  const resultRow = (places: number) =>
    stretchesOf(q.extent, size).map((stretch) => {
      const axes = [axis("y0", stretch.tiles), axis("y1", kShare)];
      const [inRegion, column] = axes;
      const tileColumn = index(inRegion).plus(stretch.from);
      const at = {
        image: index(group).times(together).plus(image),
        row: index(block).times(tileRows).plus(tileRow),
        column: tileColumn,
        channel: index(share).times(kShare).plus(column),
      };
      return resultParts(correlation, size, [places, stretch.places], axes, at, (t) =>
        product.at(t, image, tileRow, tileColumn, column),
      );
    });
  return {
    ...{ filters, box, images, products },
    ...{ filterParts, imageParts, productPart },
    wholeRow: p.extent < size ? [] : resultRow(size),
    cutRow: p.extent % size === 0 ? [] : resultRow(p.extent % size),
    ...{ block, group, image, share, tileRow },
    places: [block, group, image, share, tileRow],
  };
}

/** Where a tile of the result is, or a number of it. */
export interface ResultPlace {
  readonly image: Index;
  /** Row and column, of tiles counted in tiles. */
  readonly row: Index;
  readonly column: Index;
  readonly channel: Index;
}

/** Parts over `axes` that transform the products of a tile, one for each of α² places, back to so many of its rows and columns. */
export function resultParts(
  correlation: Correlation,
  size: 2 | 4,
  [rows, columns]: readonly [number, number],
  axes: readonly Axis[],
  at: ResultPlace,
  product: (t: number) => Value,
): Part[] {
  const { resultRows } = transforms[size];
  const alpha = size + 2;
  const totals = transform(resultRows.slice(0, rows), resultRows.slice(0, columns), (i, j) =>
    product(alpha * i + j),
  );
  return totals.flatMap((totalRow, i) =>
    totalRow.map((total, j) => {
      const [row, column] = [at.row.times(size).plus(i), at.column.times(size).plus(j)];
      return resultPart(correlation, axes, { ...at, row, column }, total);
    }),
  );
}

/** The correlation's part at a place, which depends on `axes`, with `total` for its sum. */
export function resultPart(
  { contraction, image, p, q }: Correlation,
  axes: readonly Axis[],
  at: ResultPlace,
  total: Value,
): Part {
  const places = new Map<Axis, Index>([
    [p, at.row],
    [q, at.column],
    [contraction.n, at.channel],
  ]);
  if (image !== undefined) places.set(image, at.image);
  return partAt(contraction, axes, places, total);
}

/** The contraction's part with `places` for its axes, which depend on `axes`, and `total` for its sum. */
export function partAt(
  { part, sum: replaced }: Contraction,
  axes: readonly Axis[],
  places: ReadonlyMap<Axis, Index>,
  total: Value,
): Part {
  const marker = value(0);
  const around = replaceValue(part.value, replaced, marker);
  // Substitution keeps constants as they are, so the marker is found again behind it.
  const moved = replaceValue(substitute(around, places), marker, total);
  return { axes, at: part.at.map((each) => each.substitute(places)), value: moved };
}

/** Tiles next to each other, of which so many rows or columns are within the result. */
export interface Stretch {
  readonly from: number;
  readonly tiles: number;
  readonly places: number;
}

/** Whole tiles, then the one that the edge cuts. */
export function stretchesOf(extent: number, size: number): Stretch[] {
  const [whole, rest] = [Math.floor(extent / size), extent % size];
  return [
    { from: 0, tiles: whole, places: size },
    { from: whole, tiles: 1, places: rest },
  ].filter(({ tiles, places }) => tiles > 0 && places > 0);
}

/** Filters [α², panels, c, k / panels] as products take them. */
export function filterTransform(
  { contraction: { b, n: k }, r, s, c }: Correlation,
  size: 2 | 4,
  panels = 1,
): { filters: Operand; filterParts: readonly Part[] } {
  const { filterRows } = transforms[size];
  const width = k.extent / panels;
  // Panel by panel, so that each place of a tile is written in one stretch.
  const axes = [panels, c.extent, width].map((extent, i) => axis(`g${i}`, extent));
  const [panel, channel, column] = axes;
  const tapped = transform(filterRows, filterRows, (ri, si) => {
    const places = new Map<Axis, Index>([
      [r, index(ri)],
      [s, index(si)],
      [c, index(channel)],
      [k, index(panel).times(width).plus(column)],
    ]);
    return new Source(b.operand).at(...b.at.map((each) => each.substitute(places)));
  });
  const filterParts = placesOf(size).map(
    ([i, j], t): Part => ({
      axes,
      at: [index(t), index(panel), index(channel), index(column)],
      value: tapped[i][j],
    }),
  );
  return { filters: { shape: [filterParts.length, panels, c.extent, width] }, filterParts };
}

/** The α² places of a transformed tile: row and column. */
export function placesOf(size: 2 | 4): readonly (readonly [number, number])[] {
  const alpha = size + 2;
  return Array.from({ length: alpha * alpha }, (_, t) => [Math.floor(t / alpha), t % alpha] as const);
}

export function transposed(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}

/** left · x · rightᵀ for a matrix x of values. */
export function transform(
  left: readonly (readonly number[])[],
  right: readonly (readonly number[])[],
  x: (i: number, j: number) => Value,
): Value[][] {
  const width = right[0].length;
  const half = left.map((row) => Array.from({ length: width }, (_, j) => combine(row, (i) => x(i, j))));
  return half.map((row) => right.map((column) => combine(column, (j) => row[j])));
}

/**
 * Σ factors[i] · terms(i), without products by 0 and ±1. Even and odd places are summed apart: rows of a transform come in
 * pairs that differ in the sign of one of the two, which is then computed once.
 */
function combine(factors: readonly number[], terms: (i: number) => Value): Value {
  const half = (parity: number): { readonly total: Value; readonly factor: number } | undefined => {
    const used = factors.flatMap((factor, i) => (i % 2 === parity && factor !== 0 ? [{ factor, i }] : []));
    if (used.length === 0) return undefined;
    // The sign of the first, and a size that all share, are taken out.
    const [{ factor: first }] = used;
    const common = used.every(({ factor }) => Math.abs(factor) === Math.abs(first))
      ? first
      : Math.sign(first);
    let total: Value | undefined;
    for (const { factor, i } of used) {
      const scaled = factor / common;
      const term = Math.abs(scaled) === 1 ? terms(i) : terms(i).times(Math.abs(scaled));
      if (total === undefined) total = term;
      else total = scaled > 0 ? total.plus(term) : total.minus(term);
    }
    return total && { total, factor: common };
  };
  const [even, odd] = [half(0), half(1)];
  const scaled = ({ total, factor }: { total: Value; factor: number }) =>
    Math.abs(factor) === 1 ? total : total.times(Math.abs(factor));
  const [first, second] =
    even === undefined || (odd !== undefined && even.factor < 0) ? [odd, even] : [even, odd];
  if (first === undefined) return value(0);
  const start = first.factor < 0 ? scaled(first).negate() : scaled(first);
  if (second === undefined) return start;
  return second.factor < 0 ? start.minus(scaled(second)) : start.plus(scaled(second));
}
