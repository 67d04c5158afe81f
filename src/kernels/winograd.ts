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

/** Rows of G, which filters are multiplied by, of Bᵀ for images, and of Aᵀ for results. */
const transforms = {
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

/** A 3×3 convolution at stride 1, or its input gradient, as a contraction. */
export interface Correlation {
  readonly contraction: Contraction;
  /** The axis of images; undefined where there is one. */
  readonly image: Axis | undefined;
  /** Axes of the result's rows and columns. */
  readonly p: Axis;
  readonly q: Axis;
  /** Axes of the filter's rows and columns, and of the channels that are summed over. */
  readonly r: Axis;
  readonly s: Axis;
  readonly c: Axis;
}

/** The contraction as a 3×3 correlation; undefined where it is none. */
export function asCorrelation(contraction: Contraction): Correlation | undefined {
  const { a, m, k, batch, part } = contraction;
  if (batch.length > 0 || k.length !== 3 || a.at.length !== 4 || part.at.length !== 4) return undefined;
  const [image, vertical, horizontal, channels] = a.at;
  const [r, s, c] = k;
  const rows = m.filter((each) => !usesAxis(image, each));
  const [p, q] = rows;
  if (rows.length !== 2 || r.extent !== 3 || s.extent !== 3 || !channels.is(c)) return undefined;
  const isSliding = (at: Index, place: Axis, tap: Axis) =>
    at.terms.length === 2 && at.factorOf(place) === 1 && at.factorOf(tap) === 1;
  if (!isSliding(vertical, p, r) || !isSliding(horizontal, q, s)) return undefined;
  const images = m.find((each) => !rows.includes(each));
  return { contraction, image: images, p, q, r, s, c };
}

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
  /**
   * Whether all blocks are transformed before all are multiplied, and these before all are transformed back: for few blocks, which
   * would read all filters each. Not with `together` or `shares`. Default false.
   */
  readonly inSteps?: boolean;
  /** Whether transforms go by columns and then by rows, through memory, where registers are few. Default false. */
  readonly byHalves?: boolean;
}

/** The operands between the steps. */
export interface WinogradOperands {
  /** [shares, α², c, k / shares], with α = size + 2 */
  readonly filters: Operand;
  /** The image rows of one block, [size·tileRows + 2, size·tileColumns + 2, c], its edges filled. */
  readonly box: Operand;
  /** [α, tileRows, size·tileColumns + 2, c]: the columns of the box's tiles, transformed. Of use by halves alone. */
  readonly imageColumns: Operand;
  /** [α², together, tileRows, tileColumns, c]; of all images and their rows of tiles where work goes in steps. */
  readonly images: Operand;
  /** [α², together, tileRows, tileColumns, k / shares]; of all in steps. */
  readonly products: Operand;
  /** [size, α, tileRows, tileColumns, k / shares]: columns of one image's products, transformed back. By halves alone. */
  readonly resultColumns: Operand;
  /** [size·tileRows, size·tileColumns, k / shares], of one image, where tiles go beyond the result. */
  readonly results: Operand | undefined;
}

export interface Winograd extends WinogradOperands {
  readonly filterParts: readonly Part[];
  /** From box to `imageColumns`. By halves alone. */
  readonly imageColumnParts: readonly Part[];
  /** They hold `image`, or `group` and `block` in steps. */
  readonly imageParts: readonly Part[];
  /** It holds `share`. */
  readonly productPart: Part;
  /** To `resultColumns`; they hold what `imageParts` hold. By halves alone. */
  readonly resultColumnParts: readonly Part[];
  /** They hold `block`, `group`, `image` and `share`, or where there are `results`, what `imageParts` hold. */
  readonly resultParts: readonly Part[];
  /** A row of the block from `results` to its place; holds `row` and the others. */
  readonly finishPart: Part | undefined;
  /** Which block of rows of tiles, which group of images, which image of it, which share of the channels, which row. */
  readonly block: Axis;
  readonly group: Axis;
  readonly image: Axis;
  readonly share: Axis;
  readonly row: Axis;
}

export function winograd(correlation: Correlation, options: WinogradOptions): Winograd {
  const { contraction, p, q, r, s, c } = correlation;
  const { b, n: k, part } = contraction;
  const { size, tileRows, together = 1, shares = 1, inSteps = false, byHalves = false } = options;
  const { filterRows, imageRows, resultRows } = transforms[size];
  const alpha = size + 2;
  const positions = Array.from(
    { length: alpha * alpha },
    (_, t) => [Math.floor(t / alpha), t % alpha] as const,
  );
  const tileColumns = Math.ceil(q.extent / size);
  const kShare = k.extent / shares;
  const block = axis("block", Math.ceil(p.extent / (size * tileRows)));
  const group = axis("group", (correlation.image?.extent ?? 1) / together);
  const tiles = inSteps
    ? [group.extent, block.extent * tileRows, tileColumns]
    : [together, tileRows, tileColumns];
  const filters: Operand = { shape: [shares, positions.length, c.extent, kShare] };
  const resultColumns: Operand = { shape: [size, alpha, tileRows, tileColumns, kShare] };
  const images: Operand = { shape: [positions.length, ...tiles, c.extent] };
  const products: Operand = { shape: [positions.length, ...tiles, kShare] };
  const isRagged = p.extent % (size * tileRows) !== 0 || q.extent % size !== 0;
  const results: Operand | undefined = isRagged
    ? { shape: [size * tileRows, size * tileColumns, kShare] }
    : undefined;
  const image = axis("image", together);
  const share = axis("share", shares);
  const row = axis("row", size * tileRows);

  const filterAxes = [shares, c.extent, kShare].map((extent, i) => axis(`g${i}`, extent));
  const [filterShare, filterChannel, filterColumn] = filterAxes;
  const tapped = transform(filterRows, filterRows, (ri, si) => {
    const places = new Map<Axis, Index>([
      [r, index(ri)],
      [s, index(si)],
      [c, index(filterChannel)],
      [k, index(filterShare).times(kShare).plus(filterColumn)],
    ]);
    return new Source(b.operand).at(...b.at.map((each) => each.substitute(places)));
  });
  const filterParts = positions.map(
    ([i, j], t): Part => ({
      axes: filterAxes,
      at: [index(filterShare), index(t), index(filterChannel), index(filterColumn)],
      value: tapped[i][j],
    }),
  );

  /** Where in the tiles a block's tile is. */
  const tileAt = (tileRow: Axis): readonly [Index, Index] =>
    inSteps ? [index(group), index(block).times(tileRows).plus(tileRow)] : [index(image), index(tileRow)];
  const halves = boxTransform(imageRows, size, [tileRows, tileColumns, c.extent], tileAt);
  const { box } = halves;
  const imageAxes = [tileRows, tileColumns, c.extent].map((extent, i) => axis(`t${i}`, extent));
  const [imageRow, imageColumn, channel] = imageAxes;
  const imagePlace = [...tileAt(imageRow), index(imageColumn), index(channel)];
  const boxed = new Source(box);
  const imageParts = byHalves
    ? halves.parts
    : transform(imageRows, imageRows, (i, j) =>
        boxed.at(index(imageRow).times(size).plus(i), index(imageColumn).times(size).plus(j), channel),
      ).flatMap((row, i) =>
        row.map(
          (each, j): Part => ({ axes: imageAxes, at: [index(alpha * i + j), ...imagePlace], value: each }),
        ),
      );

  const productPart = scatter([positions.length, ...tiles, kShare], (t, g, pt, qt, ki) => ({
    at: [t, g, pt, qt, ki],
    value: sum([c.extent], (ci) =>
      new Source(images).at(t, g, pt, qt, ci).times(new Source(filters).at(share, t, ci, ki)),
    ),
  }));

  const resultAxes = [tileRows, tileColumns, kShare].map((extent, i) => axis(`y${i}`, extent));
  const [tileRow, tileColumn, column] = resultAxes;
  const product = new Source(products);
  const productPlace = [...tileAt(tileRow), index(tileColumn), index(column)];
  const halved = axis("halved", byHalves ? alpha : 1);
  const resultColumnParts = resultRows.map(
    (factors, i): Part => ({
      axes: [halved, ...resultAxes],
      at: [index(i), ...[halved, ...resultAxes].map(index)],
      value: combine(factors, (ri) => product.at(index(halved).plus(alpha * ri), ...productPlace)),
    }),
  );
  /** The part of the whole at these rows and columns, with `total` for the sum. */
  const placed = (axes: readonly Axis[], pAt: Index, qAt: Index, total: Value): Part => {
    const replacement = new Map<Axis, Index>([
      [
        p,
        index(block)
          .times(size * tileRows)
          .plus(pAt),
      ],
      [q, qAt],
      [
        k,
        index(share)
          .times(kShare)
          .plus(axes[axes.length - 1]),
      ],
    ]);
    if (correlation.image !== undefined)
      replacement.set(correlation.image, index(group).times(together).plus(image));
    const marker = value(0);
    const around = replaceValue(part.value, contraction.sum, marker);
    // Substitution keeps constants as they are, so the marker is found again behind it.
    const moved = replaceValue(substitute(around, replacement), marker, total);
    return { axes, at: part.at.map((each) => each.substitute(replacement)), value: moved };
  };
  const inTile = axis("inTile", byHalves ? size : 1);
  /** The part for row `i` and column `j` of all tiles. */
  const resultPart = (i: Index, j: number, total: Value): Part => {
    const axes = byHalves ? [inTile, ...resultAxes] : resultAxes;
    const [pAt, qAt] = [index(tileRow).times(size).plus(i), index(tileColumn).times(size).plus(j)];
    if (results !== undefined) return { axes, at: [pAt, qAt, index(column)], value: total };
    return placed(axes, pAt, qAt, total);
  };
  const columnsOfResult = new Source(resultColumns);
  const resultParts = byHalves
    ? resultRows.map((factors, j) =>
        resultPart(
          index(inTile),
          j,
          combine(factors, (si) => columnsOfResult.at(inTile, si, ...resultAxes)),
        ),
      )
    : transform(resultRows, resultRows, (i, j) => product.at(alpha * i + j, ...productPlace)).flatMap(
        (row, i) => row.map((total, j) => resultPart(index(i), j, total)),
      );
  const finishAxes = [axis("q", q.extent), axis("k", kShare)];
  const finishPart =
    results &&
    placed(finishAxes, index(row), index(finishAxes[0]), new Source(results).at(row, ...finishAxes));
  return {
    ...{ filters, box, images, products, resultColumns, results },
    ...{ imageColumns: halves.columns, imageColumnParts: halves.columnParts },
    ...{ filterParts, imageParts, productPart, resultColumnParts, resultParts, finishPart },
    ...{ block, group, image, share, row },
  };
}

/** A transform of the tiles of a box, by columns and then by rows. */
export interface BoxTransform {
  /** [rows, columns, channels] */
  readonly box: Operand;
  /** [rows of the matrix, tileRows, columns of the box, channels] */
  readonly columns: Operand;
  readonly columnParts: readonly Part[];
  /** From columns to [positions, …place, tileColumns, channels]. */
  readonly parts: readonly Part[];
}

/** `matrix` · d · `matrix`ᵀ for tiles d that lie `size` places apart. */
function boxTransform(
  matrix: readonly (readonly number[])[],
  size: number,
  [tileRows, tileColumns, channels]: readonly [number, number, number],
  place: (tileRow: Axis) => readonly Index[],
): BoxTransform {
  const reach = matrix[0].length;
  const width = size * (tileColumns - 1) + reach;
  const box: Operand = { shape: [size * (tileRows - 1) + reach, width, channels] };
  const columns: Operand = { shape: [matrix.length, tileRows, width, channels] };
  const [boxed, halved] = [new Source(box), new Source(columns)];
  const columnAxes = [tileRows, width, channels].map((extent, i) => axis(`c${i}`, extent));
  const rowAxes = [matrix.length, tileRows, tileColumns, channels].map((extent, i) => axis(`d${i}`, extent));
  const [i, tileRow, tileColumn, channel] = rowAxes;
  return {
    box,
    columns,
    columnParts: matrix.map((factors, row) => ({
      axes: columnAxes,
      at: [index(row), ...columnAxes.map(index)],
      value: combine(factors, (r) =>
        boxed.at(index(columnAxes[0]).times(size).plus(r), columnAxes[1], columnAxes[2]),
      ),
    })),
    parts: matrix.map((factors, j) => ({
      axes: rowAxes,
      at: [index(i).times(matrix.length).plus(j), ...place(tileRow), index(tileColumn), index(channel)],
      value: combine(factors, (s) => halved.at(i, tileRow, index(tileColumn).times(size).plus(s), channel)),
    })),
  };
}

/** The gradient of the weight of a 3×3 convolution at stride 1, as a contraction. */
export interface WeightGradient {
  readonly contraction: Contraction;
  /** Axes of the filter's rows, columns and channels. */
  readonly r: Axis;
  readonly s: Axis;
  readonly c: Axis;
  /** Axes that are summed over: rows and columns of dy, and images where there are several. */
  readonly p: Axis;
  readonly q: Axis;
  readonly image: Axis | undefined;
}

/** The contraction as the gradient of a 3×3 filter at stride 1; undefined where it is none. */
export function asWeightGradient(contraction: Contraction): WeightGradient | undefined {
  const { a, b, m, k, n, batch } = contraction;
  if (batch.length > 0 || m.length !== 3 || a.at.length !== 4 || b.at.length !== 4) return undefined;
  const [r, s, c] = m;
  const [q, p, image] = k.toReversed();
  if (p === undefined || k.length > 3 || r.extent !== 3 || s.extent !== 3) return undefined;
  const [aImage, vertical, horizontal, channels] = a.at;
  const isSliding = (at: Index, place: Axis, tap: Axis) =>
    at.terms.length === 2 && at.factorOf(place) === 1 && at.factorOf(tap) === 1;
  if (!isSliding(vertical, p, r) || !isSliding(horizontal, q, s) || !channels.is(c)) return undefined;
  const [bImage, bRow, bColumn, bChannel] = b.at;
  if (!bRow.is(p) || !bColumn.is(q) || !bChannel.is(n)) return undefined;
  const isImage = (at: Index) =>
    image === undefined ? at.terms.length === 0 && at.constant === 0 : at.is(image);
  return isImage(aImage) && isImage(bImage) ? { contraction, r, s, c, p, q, image } : undefined;
}

/** The transforms of a weight's gradient, for all images at once. */
export interface WinogradWeightGradient {
  /** [α², images, tileRows, tileColumns, c] and the same of k channels, with α = 6 and tiles of 4×4 places of dy. */
  readonly images: Operand;
  readonly gradients: Operand;
  /** [α², c, k] */
  readonly products: Operand;
  /** The transforms of images and gradients, whole. None by halves. */
  readonly imageParts: readonly Part[];
  readonly gradientParts: readonly Part[];
  /** The same by halves, for the tiles of one row of an image: they hold `tileRow` and `ofImage`. */
  readonly rows:
    | {
        readonly tileRow: Axis;
        readonly ofImage: Axis;
        readonly image: BoxTransform;
        readonly gradient: BoxTransform;
      }
    | undefined;
  readonly productPart: Part;
  readonly resultParts: readonly Part[];
}

/**
 * The adjoint of F(4×4, 3×3) in the filter: dW = Gᵀ [ Σ (Bᵀ d B) ⊙ (A dy Aᵀ) ] G, summed over all tiles of all images before
 * it is transformed back. Places of tiles beyond the image count as zeros.
 */
export function winogradWeightGradient(gradient: WeightGradient, byHalves = false): WinogradWeightGradient {
  const { contraction, r, s, c, p, q, image } = gradient;
  const { a, b, n: k, part } = contraction;
  const { filterRows, imageRows, resultRows } = transforms[4];
  const tiles = [image?.extent ?? 1, Math.ceil(p.extent / 4), Math.ceil(q.extent / 4)];
  const images: Operand = { shape: [36, ...tiles, c.extent] };
  const gradients: Operand = { shape: [36, ...tiles, k.extent] };
  const products: Operand = { shape: [36, c.extent, k.extent] };
  const places = Array.from({ length: 36 }, (_, t) => [Math.floor(t / 6), t % 6] as const);

  const rowsOf = () => {
    const [ofImage, tileRow] = [axis("ofImage", tiles[0]), axis("tileRow", tiles[1])];
    const place = (inBlock: Axis) => [index(ofImage), index(tileRow).plus(inBlock)];
    return {
      ...{ tileRow, ofImage },
      image: boxTransform(imageRows, 4, [1, tiles[2], c.extent], place),
      gradient: boxTransform(transposed(resultRows), 4, [1, tiles[2], k.extent], place),
    };
  };
  const imageAxes = [...tiles, c.extent].map((extent, i) => axis(`t${i}`, extent));
  const imageValues = () =>
    transform(imageRows, imageRows, (i, j) =>
      new Source(a.operand).padded(
        0,
        imageAxes[0],
        index(imageAxes[1])
          .times(4)
          .plus(i + a.at[1].constant),
        index(imageAxes[2])
          .times(4)
          .plus(j + a.at[2].constant),
        imageAxes[3],
      ),
    );
  const gradientAxes = [...tiles, k.extent].map((extent, i) => axis(`u${i}`, extent));
  const gradientValues = () =>
    transform(transposed(resultRows), transposed(resultRows), (i, j) =>
      new Source(b.operand).padded(
        0,
        gradientAxes[0],
        index(gradientAxes[1]).times(4).plus(i),
        index(gradientAxes[2]).times(4).plus(j),
        gradientAxes[3],
      ),
    );
  const partsOf = (axes: readonly Axis[], values: readonly (readonly Value[])[]) =>
    places.map(([i, j], t): Part => ({ axes, at: [index(t), ...axes.map(index)], value: values[i][j] }));
  const productPart = scatter([36, c.extent, k.extent], (t, ci, ki) => ({
    at: [t, ci, ki],
    value: sum(tiles, (n, tp, tq) =>
      new Source(images).at(t, n, tp, tq, ci).times(new Source(gradients).at(t, n, tp, tq, ki)),
    ),
  }));

  const resultAxes = [c.extent, k.extent].map((extent, i) => axis(`w${i}`, extent));
  const product = new Source(products);
  const back = transposed(filterRows);
  const totals = transform(back, back, (i, j) => product.at(6 * i + j, ...resultAxes));
  const resultParts = totals.flatMap((row, ri) =>
    row.map((total, si): Part => {
      const replacement = new Map<Axis, Index>([
        [r, index(ri)],
        [s, index(si)],
        [c, index(resultAxes[0])],
        [k, index(resultAxes[1])],
      ]);
      const marker = value(0);
      const around = replaceValue(part.value, contraction.sum, marker);
      const moved = replaceValue(substitute(around, replacement), marker, total);
      return { axes: resultAxes, at: part.at.map((each) => each.substitute(replacement)), value: moved };
    }),
  );
  return {
    ...{ images, gradients, products, productPart, resultParts },
    imageParts: byHalves ? [] : partsOf(imageAxes, imageValues()),
    gradientParts: byHalves ? [] : partsOf(gradientAxes, gradientValues()),
    rows: byHalves ? rowsOf() : undefined,
  };
}

function transposed(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}

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

function usesAxis(at: Index, of: Axis): boolean {
  return at.factorOf(of) !== 0;
}
