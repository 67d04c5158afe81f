/** How the columns of a result are cut into register tiles. */

import type { ColumnGroup } from "./contraction-types.ts";

/**
 * What a runtime's compiler makes of vectors: in "hoisted" code all loads of a loop's body come before its first multiply-add, in "ordered"
 * code they stay where they stand; "joined" is ordered, and two neighbouring vectors become one of twice the width.
 */
export type VectorCode = "hoisted" | "ordered" | "joined";

export interface Vectors {
  readonly code: VectorCode;
  /** Numbers in one. */
  readonly lanes: number;
}

/** A register tile: vectors of columns, and rows at most. */
export interface TileShape {
  readonly vectors: number;
  readonly rows: number;
}

/** From the widest to the narrowest. */
const tileShapesFor: Readonly<Record<VectorCode, readonly TileShape[]>> = {
  hoisted: [
    { vectors: 2, rows: 5 },
    { vectors: 1, rows: 7 },
  ],
  ordered: [
    { vectors: 2, rows: 6 },
    { vectors: 1, rows: 7 },
  ],
  joined: [
    { vectors: 4, rows: 6 },
    { vectors: 2, rows: 10 },
    { vectors: 1, rows: 7 },
  ],
};

/** The tile of many rows and columns. */
export function widestTile({ code }: Vectors): TileShape {
  return tileShapesFor[code][0];
}

/**
 * Cycles for one step of the sum for all of these rows, in tiles of nearly equal size. Two multiply-adds begin in a cycle, and
 * each accumulator waits four for its last one; loads are hidden but for a part.
 */
function cyclesOf({ vectors, rows }: TileShape, extent: number, code: VectorCode): number {
  const wide = code === "joined" ? Math.ceil(vectors / 2) : vectors;
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
  const { code, lanes } = vectors;
  const tileShapes = tileShapesFor[code];
  const best: { cost: number; shape: TileShape | undefined }[] = [{ cost: 0, shape: undefined }];
  const costs = tileShapes.map((shape) => cyclesOf(shape, rows, code));
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
