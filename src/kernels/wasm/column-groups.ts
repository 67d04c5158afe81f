/** How the columns of a result are cut into register tiles. */

import type { ColumnGroup } from "./contraction-types.ts";

/** What a runtime makes of vectors. */
export interface Vectors {
  /** Numbers in one. */
  readonly lanes: number;
  /** Whether two neighbours become one of twice the width. */
  readonly joined: boolean;
}

/** A register tile: vectors of columns, and rows at most. */
export interface TileShape {
  readonly vectors: number;
  readonly rows: number;
}

/** From the widest to the narrowest. */
const plainShapes: readonly TileShape[] = [
  { vectors: 2, rows: 5 },
  { vectors: 1, rows: 7 },
];
const joinedShapes: readonly TileShape[] = [
  { vectors: 4, rows: 6 },
  { vectors: 2, rows: 10 },
  { vectors: 1, rows: 7 },
];

function shapesFor({ joined }: Vectors): readonly TileShape[] {
  return joined ? joinedShapes : plainShapes;
}

/** The tile of many rows and columns. */
export function widestTile(vectors: Vectors): TileShape {
  return shapesFor(vectors)[0];
}

/**
 * Cycles for one step of the sum for all of these rows, in tiles of nearly equal size. Two multiply-adds begin in a cycle, and
 * each accumulator waits four for its last one; loads are hidden but for a part.
 */
function cyclesOf({ vectors, rows }: TileShape, extent: number, joined: boolean): number {
  const wide = joined ? Math.ceil(vectors / 2) : vectors;
  const tiles = Math.ceil(extent / rows);
  const small = Math.floor(extent / tiles);
  const cycles = (height: number) => Math.max(4, (height * wide) / 2) + (height + wide) / 10;
  return (extent % tiles) * cycles(small + 1) + (tiles - (extent % tiles)) * cycles(small);
}

/** Covers the columns with tiles at the least cost; lanes beyond the last column are computed in vain. */
export function columnGroups(extent: number, rows: number, vectors: Vectors): ColumnGroup[] {
  return cover(extent, rows, vectors).groups;
}

/** Cycles for one step of the sum for so many columns and rows. */
export function stepCycles(extent: number, rows: number, vectors: Vectors): number {
  return cover(extent, rows, vectors).cost;
}

function cover(extent: number, rows: number, vectors: Vectors): { groups: ColumnGroup[]; cost: number } {
  const tileShapes = shapesFor(vectors);
  const { lanes, joined } = vectors;
  const best: { cost: number; shape: TileShape | undefined }[] = [{ cost: 0, shape: undefined }];
  const costs = tileShapes.map((shape) => cyclesOf(shape, rows, joined));
  for (let covered = 1; covered <= extent; covered++) {
    const ways = tileShapes.map((shape, i) => ({
      cost: best[Math.max(0, covered - shape.vectors * lanes)].cost + costs[i],
      shape,
    }));
    best.push(ways.reduce((a, b) => (b.cost < a.cost ? b : a)));
  }
  const widths: TileShape[] = [];
  for (let covered = extent; covered > 0; ) {
    const { shape } = best[covered];
    if (shape === undefined) break;
    widths.push(shape);
    covered -= shape.vectors * lanes;
  }
  widths.sort((a, b) => b.vectors - a.vectors);
  const groups: ColumnGroup[] = [];
  let from = 0;
  let block = 0;
  for (const shape of tileShapes) {
    const count = widths.filter((each) => each === shape).length;
    const columns = shape.vectors * lanes;
    if (count > 0) groups.push({ from, block, count, columns, rows: shape.rows });
    from += count * columns;
    block += count;
  }
  return { groups, cost: best[extent].cost };
}
