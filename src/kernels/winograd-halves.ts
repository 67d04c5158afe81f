/**
 * Winograd's algorithms (`winograd.ts`) with transforms in two halves, columns and then rows, through memory: α vectors in, α out,
 * where registers are too few for the α² of a whole tile. A block is some rows of tiles of an image, copied with its edges.
 */

import { type Part, scatter } from "./formula.ts";
import { type Axis, axis, type Index, index } from "./index-expression.ts";
import { type Operand, Source, sum, type Value } from "./value.ts";
import { filterTransform, resultPart, stretchesOf, transform, transforms, transposed } from "./winograd.ts";
import type { Correlation, WeightGradient } from "./winograd-forms.ts";
import { winogradWeightGradient } from "./winograd-staged.ts";

/** How a correlation is cut up. */
export interface HalvesOptions {
  /** Rows and columns of a tile of the result. */
  readonly size: 2 | 4;
  /** Rows of tiles in a block; the last block may go beyond the result. */
  readonly tileRows: number;
  /** Images that are worked on together; divides their number. Default 1, which it is in stages. */
  readonly together?: number;
  /** Whether all blocks are transformed before all are multiplied, and these before all are transformed back. Default false. */
  readonly inStages?: boolean;
  /** Panels of columns in which the filters lie, as register tiles read them; divides their number. Default 1. */
  readonly panels?: number;
}

/** Parts that hold `places` where not said otherwise. */
export interface WinogradHalves {
  /** [α², panels, c, k / panels] */
  readonly filters: Operand;
  /** [α², together, tileRows, tileColumns, c] and the same of k channels; of all images and their rows of tiles in stages. */
  readonly images: Operand;
  readonly products: Operand;
  /** [size, α, tileRows, tileColumns, k]: columns of one image's products, transformed back. */
  readonly resultColumns: Operand;
  /** They hold nothing. */
  readonly filterParts: readonly Part[];
  readonly imageTransform: BoxTransform;
  /** It holds nothing. */
  readonly productPart: Part;
  readonly resultColumnParts: readonly Part[];
  /** Of each region of a row of tiles: those all of whose rows are in the result, and the last, where it is cut. They hold `tileRow`, too. */
  readonly wholeRow: readonly (readonly Part[])[];
  readonly cutRow: readonly (readonly Part[])[];
  /** Which block of rows of tiles, which group of images, which image of it. */
  readonly places: readonly [block: Axis, group: Axis, image: Axis];
  /** Which row of tiles of the block. */
  readonly tileRow: Axis;
}

/** A transform of the tiles of a box, by columns and then by rows. */
export interface BoxTransform {
  /** [rows, columns, channels] */
  readonly box: Operand;
  /** [rows of the matrix, tileRows, columns of the box, channels] */
  readonly columns: Operand;
  /** They hold nothing. */
  readonly columnParts: readonly Part[];
  /** From columns to [positions, …place, tileColumns, channels]. */
  readonly parts: readonly Part[];
}

type Matrix = readonly (readonly number[])[];

/** `matrix` · d · `matrix`ᵀ for tiles d that lie `size` places apart. */
function boxTransform(
  matrix: Matrix,
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
    columnParts: half(matrix, (r) =>
      boxed.at(index(columnAxes[0]).times(size).plus(r), columnAxes[1], columnAxes[2]),
    ).map((each, row) => ({ axes: columnAxes, at: [index(row), ...columnAxes.map(index)], value: each })),
    parts: half(matrix, (s) => halved.at(i, tileRow, index(tileColumn).times(size).plus(s), channel)).map(
      (each, j) => ({
        axes: rowAxes,
        at: [index(i).times(matrix.length).plus(j), ...place(tileRow), index(tileColumn), index(channel)],
        value: each,
      }),
    ),
  };
}

/** `matrix` · x for a column x. */
function half(matrix: Matrix, x: (i: number) => Value): Value[] {
  return transform(matrix, [[1]], x).map(([each]) => each);
}

export function winogradByHalves(correlation: Correlation, options: HalvesOptions): WinogradHalves {
  const { contraction, p, q, c, image: imageAxis } = correlation;
  const { n: k } = contraction;
  const { size, tileRows, together = 1, inStages = false, panels = 1 } = options;
  const { imageRows, resultRows } = transforms[size];
  const alpha = size + 2;
  const tileColumns = Math.ceil(q.extent / size);
  const rows = size * tileRows;
  const block = axis("block", Math.ceil(p.extent / rows));
  const group = axis("group", (imageAxis?.extent ?? 1) / together);
  const image = axis("image", together);
  const tiles = inStages
    ? [group.extent, block.extent * tileRows, tileColumns]
    : [together, tileRows, tileColumns];
  /** Where in the tiles a block's tile is. */
  const tileAt = (tileRow: Axis): readonly [Index, Index] =>
    inStages ? [index(group), index(block).times(tileRows).plus(tileRow)] : [index(image), index(tileRow)];

  const { filters, filterParts } = filterTransform(correlation, size, panels);
  const imageTransform = boxTransform(imageRows, size, [tileRows, tileColumns, c.extent], tileAt);
  const images: Operand = { shape: [alpha * alpha, ...tiles, c.extent] };
  const products: Operand = { shape: [alpha * alpha, ...tiles, k.extent] };
  const width = k.extent / panels;
  const productPart = scatter([alpha * alpha, panels, ...tiles, width], (t, panel, g, pt, qt, ki) => ({
    at: [t, g, pt, qt, index(panel).times(width).plus(ki)],
    value: sum([c.extent], (ci) =>
      new Source(images).at(t, g, pt, qt, ci).times(new Source(filters).at(t, panel, ci, ki)),
    ),
  }));

  const resultColumns: Operand = { shape: [size, alpha, tileRows, tileColumns, k.extent] };
  const columnAxes = resultColumns.shape.slice(1).map((extent, i) => axis(`y${i}`, extent));
  const [j, row, tileColumn, column] = columnAxes;
  const product = new Source(products);
  const resultColumnParts = half(resultRows, (r) =>
    product.at(index(j).plus(alpha * r), ...tileAt(row), tileColumn, column),
  ).map((each, i): Part => ({ axes: columnAxes, at: [index(i), ...columnAxes.map(index)], value: each }));

  const tileRow = axis("tileRow", tileRows);
  const columnsOfResult = new Source(resultColumns);
  const resultRow = (rowsInTile: number) =>
    stretchesOf(q.extent, size).map((stretch) => {
      const axes = [rowsInTile, stretch.tiles, k.extent].map((extent, i) => axis(`z${i}`, extent));
      const [inTile, inRegion, channel] = axes;
      const tile = index(inRegion).plus(stretch.from);
      const totals = half(resultRows.slice(0, stretch.places), (s) =>
        columnsOfResult.at(inTile, s, tileRow, tile, channel),
      );
      return totals.map((total, offset) => {
        const at = {
          image: index(group).times(together).plus(image),
          row: index(block).times(tileRows).plus(tileRow).times(size).plus(inTile),
          column: tile.times(size).plus(offset),
          channel: index(channel),
        };
        return resultPart(correlation, axes, at, total);
      });
    });
  return {
    ...{ filters, images, products, resultColumns },
    ...{ filterParts, imageTransform, productPart, resultColumnParts },
    wholeRow: p.extent < size ? [] : resultRow(size),
    cutRow: p.extent % size === 0 ? [] : resultRow(p.extent % size),
    ...{ places: [block, group, image], tileRow },
  };
}

/** The gradient of a weight in stages (`winograd-staged.ts`), with the transforms of one row of tiles of an image by halves. */
export interface WeightGradientHalves {
  readonly images: Operand;
  readonly gradients: Operand;
  readonly products: Operand;
  /** They hold `places`. */
  readonly imageTransform: BoxTransform;
  readonly gradientTransform: BoxTransform;
  readonly productPart: Part;
  readonly resultParts: readonly Part[];
  readonly places: readonly [tileRow: Axis, image: Axis];
}

export function weightGradientByHalves(gradient: WeightGradient): WeightGradientHalves {
  const { images, gradients, products, productPart, resultParts } = winogradWeightGradient(gradient);
  const { imageRows, resultRows } = transforms[4];
  const [, imageCount, tileRows, tileColumns, c] = images.shape;
  const k = gradients.shape[4];
  const [image, tileRow] = [axis("image", imageCount), axis("tileRow", tileRows)];
  const place = (inBlock: Axis) => [index(image), index(tileRow).plus(inBlock)];
  return {
    ...{ images, gradients, products, productPart, resultParts },
    imageTransform: boxTransform(imageRows, 4, [1, tileColumns, c], place),
    gradientTransform: boxTransform(transposed(resultRows), 4, [1, tileColumns, k], place),
    places: [tileRow, image],
  };
}
