/**
 * Winograd's algorithms (`winograd.ts`) for a whole layer at once: all tiles of all images are transformed, then multiplied, then
 * transformed back, through memory. Each filter is read once, which is what counts where filters are many and tiles are few.
 */

import { type Part, scatter } from "./formula.ts";
import { type Axis, axis, type Index, index } from "./index-expression.ts";
import type { Read } from "./schedule-contraction.ts";
import { type Operand, Source, sum } from "./value.ts";
import {
  filterTransform,
  partAt,
  placesOf,
  resultParts,
  type Stretch,
  stretchesOf,
  transform,
  transforms,
  transposed,
} from "./winograd.ts";
import type { Correlation, WeightGradient } from "./winograd-forms.ts";

export interface StagedWinograd {
  /** [α², panels, c, k / panels], with α = size + 2 */
  readonly filters: Operand;
  /** [α², images, tileRows, tileColumns, c] */
  readonly images: Operand;
  /** [α², images, tileRows, tileColumns, k] */
  readonly products: Operand;
  readonly filterParts: readonly Part[];
  readonly imageParts: readonly Part[];
  readonly productPart: Part;
  /** Parts of each region of the result: whole tiles, and those that its last rows and columns cut. */
  readonly resultParts: readonly (readonly Part[])[];
}

/** `panels` is how many of columns the filters lie in, as register tiles read them: it divides the number of channels. */
export function winogradInStages(correlation: Correlation, size: 2 | 4, panels = 1): StagedWinograd {
  const { contraction, c } = correlation;
  const { a, n: k } = contraction;
  const alpha = size + 2;
  const tiles = tilesOf(correlation, size);
  const { filters, filterParts } = filterTransform(correlation, size, panels);
  const { images, imageParts } = imageTransform(a, tiles, c.extent, size);
  const products: Operand = { shape: [alpha * alpha, ...tiles, k.extent] };
  const width = k.extent / panels;
  const productPart = scatter([alpha * alpha, panels, ...tiles, width], (t, panel, n, tp, tq, ki) => ({
    at: [t, n, tp, tq, index(panel).times(width).plus(ki)],
    value: sum([c.extent], (ci) =>
      new Source(images).at(t, n, tp, tq, ci).times(new Source(filters).at(t, panel, ci, ki)),
    ),
  }));

  return {
    ...{ filters, images, products, filterParts, imageParts, productPart },
    resultParts: resultRegions(correlation, products, size),
  };
}

/** How many images there are, and rows and columns of tiles in each. */
export function tilesOf({ image, p, q }: Correlation, size: 2 | 4): readonly number[] {
  return [image?.extent ?? 1, Math.ceil(p.extent / size), Math.ceil(q.extent / size)];
}

/** Parts that transform products [α², ...tiles, columns] back, to the result's columns from `first` on, for each region of it. */
export function resultRegions(
  correlation: Correlation,
  products: Operand,
  size: 2 | 4,
  first: Index = index(0),
): readonly (readonly Part[])[] {
  const { p, q } = correlation;
  const [, images, , , columns] = products.shape;
  const product = new Source(products);
  const region = (rows: Stretch, columnsOf: Stretch): Part[] => {
    const axes = [images, rows.tiles, columnsOf.tiles, columns].map((extent, i) => axis(`y${i}`, extent));
    const [n, tileRow, tileColumn, column] = axes;
    const [row, col] = [index(tileRow).plus(rows.from), index(tileColumn).plus(columnsOf.from)];
    const at = { image: index(n), row, column: col, channel: first.plus(column) };
    return resultParts(correlation, size, [rows.places, columnsOf.places], axes, at, (t) =>
      product.at(t, n, row, col, column),
    );
  };
  return stretchesOf(p.extent, size).flatMap((rows) =>
    stretchesOf(q.extent, size).map((columnsOf) => region(rows, columnsOf)),
  );
}

/**
 * Tiles of all images, [α², ...tiles, c], whose places beyond the edges count as zeros; or in blocks of so many channels, `steps`,
 * behind one another, [c / steps, α², ...tiles, steps].
 */
export function imageTransform(
  a: Read,
  tiles: readonly number[],
  channels: number,
  size: 2 | 4,
  steps?: number,
): { images: Operand; imageParts: readonly Part[] } {
  const { imageRows } = transforms[size];
  const extents = steps === undefined ? [channels] : [channels / steps, steps];
  const axes = [...tiles, ...extents].map((extent, i) => axis(`t${i}`, extent));
  const [n, tileRow, tileColumn, outer, inner] = axes;
  const channel = inner === undefined ? index(outer) : index(outer).times(inner.extent).plus(inner);
  const d = transform(imageRows, imageRows, (i, j) =>
    new Source(a.operand).padded(
      0,
      n,
      index(tileRow)
        .times(size)
        .plus(i + a.at[1].constant),
      index(tileColumn)
        .times(size)
        .plus(j + a.at[2].constant),
      channel,
    ),
  );
  const places = [n, tileRow, tileColumn].map(index);
  const imageParts = placesOf(size).map(
    ([i, j], t): Part => ({
      axes,
      at:
        inner === undefined
          ? [index(t), ...places, channel]
          : [index(outer), index(t), ...places, index(inner)],
      value: d[i][j],
    }),
  );
  const [first, ...rest] = extents;
  const shape =
    inner === undefined
      ? [imageParts.length, ...tiles, first]
      : [first, imageParts.length, ...tiles, ...rest];
  return { images: { shape }, imageParts };
}

/** The transforms of a weight's gradient, for all images at once. */
export interface WinogradWeightGradient {
  /** [α², images, tileRows, tileColumns, c] and the same of k channels, with α = 6 and tiles of 4×4 places of dy. */
  readonly images: Operand;
  readonly gradients: Operand;
  /** [α², c, k] */
  readonly products: Operand;
  readonly imageParts: readonly Part[];
  readonly gradientParts: readonly Part[];
  readonly productPart: Part;
  readonly resultParts: readonly Part[];
}

/**
 * The adjoint of F(4×4, 3×3) in the filter: dW = Gᵀ [ Σ (Bᵀ d B) ⊙ (A dy Aᵀ) ] G, summed over all tiles of all images before
 * it is transformed back. Places of tiles beyond the image count as zeros.
 */
export function winogradWeightGradient(gradient: WeightGradient): WinogradWeightGradient {
  const { contraction, r, s, c, p, q, image } = gradient;
  const { a, b, n: k } = contraction;
  const { filterRows, resultRows } = transforms[4];
  const tiles = [image?.extent ?? 1, Math.ceil(p.extent / 4), Math.ceil(q.extent / 4)];
  const { images, imageParts } = imageTransform(a, tiles, c.extent, 4);
  const gradients: Operand = { shape: [36, ...tiles, k.extent] };
  const products: Operand = { shape: [36, c.extent, k.extent] };

  const gradientAxes = [...tiles, k.extent].map((extent, i) => axis(`u${i}`, extent));
  const dy = transform(transposed(resultRows), transposed(resultRows), (i, j) =>
    new Source(b.operand).padded(
      0,
      gradientAxes[0],
      index(gradientAxes[1]).times(4).plus(i),
      index(gradientAxes[2]).times(4).plus(j),
      gradientAxes[3],
    ),
  );
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
    row.map((total, si) => {
      const places = new Map<Axis, Index>([
        [r, index(ri)],
        [s, index(si)],
        [c, index(resultAxes[0])],
        [k, index(resultAxes[1])],
      ]);
      return partAt(contraction, resultAxes, places, total);
    }),
  );
  return {
    ...{ images, gradients, products, productPart, resultParts },
    imageParts,
    gradientParts: placesOf(4).map(
      ([i, j], t): Part => ({
        axes: gradientAxes,
        at: [index(t), ...gradientAxes.map(index)],
        value: dy[i][j],
      }),
    ),
  };
}
