/**
 * Winograd's algorithms (`winograd.ts`) for a layer of few tiles and many filters, some columns of the result at a time: their filters are
 * transformed where they are used, some channels after the other, in memory that stays in the L2 cache. What comes from memory is
 * then the filters as they are, 9 numbers each and not 16 or 36.
 */

import { type Part, scatter } from "./formula.ts";
import { type Axis, axis, type Index, index } from "./index-expression.ts";
import { type Operand, Source, sum } from "./value.ts";
import { placesOf, transform, transforms } from "./winograd.ts";
import type { Correlation } from "./winograd-forms.ts";
import { imageTransform, resultRegions, tilesOf } from "./winograd-staged.ts";

/** How a correlation is cut up; each number divides what it is a part of. */
export interface PanelOptions {
  /** Rows and columns of a tile of the result. */
  readonly size: 2 | 4;
  /** Columns of the result that are worked on together. */
  readonly columns: number;
  /** Columns that lie next to each other in transformed filters, as register tiles read them. */
  readonly width: number;
  /** Channels whose filters are transformed together. */
  readonly steps: number;
}

export interface PanelledWinograd {
  /** Filters in the order in which they are used, [k / columns, c, 9, columns]. */
  readonly packed: Operand;
  /** [α², columns / width, steps, width], with α = size + 2 */
  readonly filters: Operand;
  /** [c / steps, α², images, tileRows, tileColumns, steps] */
  readonly images: Operand;
  /** [α², images, tileRows, tileColumns, columns] */
  readonly products: Operand;
  readonly packPart: Part;
  readonly imageParts: readonly Part[];
  /** They hold `share` and `block`. */
  readonly filterParts: readonly Part[];
  /** Adds to the products; holds `block`. */
  readonly productPart: Part;
  /** Parts of each region of the result; they hold `share`. */
  readonly resultParts: readonly (readonly Part[])[];
  /** Which columns of the result, and which channels. */
  readonly share: Axis;
  readonly block: Axis;
}

export function winogradByPanels(correlation: Correlation, options: PanelOptions): PanelledWinograd {
  const { contraction, r, s, c } = correlation;
  const { a, b, n: k } = contraction;
  const { size, columns, width, steps } = options;
  const { filterRows } = transforms[size];
  const positions = placesOf(size);
  const tiles = tilesOf(correlation, size);
  const panels = columns / width;
  const share = axis("share", k.extent / columns);
  const block = axis("block", c.extent / steps);
  const packed: Operand = { shape: [share.extent, c.extent, 9, columns] };
  const filters: Operand = { shape: [positions.length, panels, steps, width] };
  const products: Operand = { shape: [positions.length, ...tiles, columns] };
  const { images, imageParts } = imageTransform(a, tiles, c.extent, size, steps);

  const packAxes = [share.extent, c.extent, 3, 3, columns].map((extent, i) => axis(`p${i}`, extent));
  const [at, channel, row, column, ki] = packAxes;
  const places = new Map<Axis, Index>([
    [r, index(row)],
    [s, index(column)],
    [c, index(channel)],
    [k, index(at).times(columns).plus(ki)],
  ]);
  const packPart: Part = {
    axes: packAxes,
    at: [index(at), index(channel), index(row).times(3).plus(column), index(ki)],
    value: new Source(b.operand).at(...b.at.map((each) => each.substitute(places))),
  };

  const filterAxes = [steps, panels, width].map((extent, i) => axis(`g${i}`, extent));
  const [step, panel, place] = filterAxes;
  const transformed = transform(filterRows, filterRows, (i, j) =>
    new Source(packed).at(
      share,
      index(block).times(steps).plus(step),
      3 * i + j,
      index(panel).times(width).plus(place),
    ),
  );
  const filterParts = positions.map(
    ([i, j], t): Part => ({
      axes: filterAxes,
      at: [index(t), index(panel), index(step), index(place)],
      value: transformed[i][j],
    }),
  );

  const productPart = scatter([positions.length, panels, ...tiles, width], (t, from, n, tp, tq, each) => ({
    at: [t, n, tp, tq, index(from).times(width).plus(each)],
    value: sum([steps], (ci) =>
      new Source(images).at(block, t, n, tp, tq, ci).times(new Source(filters).at(t, from, ci, each)),
    ),
  }));
  const resultParts = resultRegions(correlation, products, size, index(share).times(columns));
  return {
    ...{ packed, filters, images, products, share, block },
    ...{ packPart, imageParts, filterParts, productPart, resultParts },
  };
}
