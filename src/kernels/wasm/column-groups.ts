/** How the columns of a result are cut into register tiles. */

import type { ColumnGroup } from "./contraction-types.ts";

/** Register tiles: vectors of columns, and rows at most. */
const tileShapes = [
  { vectors: 2, rows: 5 },
  { vectors: 1, rows: 7 },
] as const;
/** That of many rows and columns. */
export const [tileShape] = tileShapes;

/**
 * Cycles for one step of the sum for all of these rows, in tiles of nearly equal size. Two multiply-adds begin in a cycle, and
 * each accumulator waits four for its last one; loads are hidden but for a part.
 */
function cyclesOf({ vectors, rows }: (typeof tileShapes)[number], extent: number): number {
  const tiles = Math.ceil(extent / rows);
  const small = Math.floor(extent / tiles);
  const cycles = (height: number) => Math.max(4, (height * vectors) / 2) + (height + vectors) / 10;
  return (extent % tiles) * cycles(small + 1) + (tiles - (extent % tiles)) * cycles(small);
}

/** Covers the columns with tiles at the least cost, of vectors of so many lanes; lanes beyond the last column are computed in vain. */
export function columnGroups(extent: number, rows: number, lanes: number): ColumnGroup[] {
  return cover(extent, rows, lanes).groups;
}

/** Cycles for one step of the sum for so many columns and rows. */
export function stepCycles(extent: number, rows: number, lanes: number): number {
  return cover(extent, rows, lanes).cost;
}

function cover(extent: number, rows: number, lanes: number): { groups: ColumnGroup[]; cost: number } {
  const best: { cost: number; shape: (typeof tileShapes)[number] | undefined }[] = [
    { cost: 0, shape: undefined },
  ];
  const costs = tileShapes.map((shape) => cyclesOf(shape, rows));
  for (let covered = 1; covered <= extent; covered++) {
    const ways = tileShapes.map((shape, i) => ({
      cost: best[Math.max(0, covered - shape.vectors * lanes)].cost + costs[i],
      shape,
    }));
    best.push(ways.reduce((a, b) => (b.cost < a.cost ? b : a)));
  }
  const widths: (typeof tileShapes)[number][] = [];
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
