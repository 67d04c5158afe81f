/**
 * Which of Winograd's algorithms computes a correlation soonest, and how it is cut up, by estimates: fewer products, against transforms
 * and filters that are up to four times as many and come from memory.
 */

import type { WinogradOptions } from "../winograd.ts";
import type { Correlation } from "../winograd-forms.ts";
import type { PanelOptions } from "../winograd-panels.ts";
import { tilesOf } from "../winograd-staged.ts";
import { type CMachine, hasLargeL2 } from "./target.ts";
import { tileVectors } from "./tile.ts";
import { registerPanels } from "./winograd-registers.ts";

/** Tiles of one task, as the L2 cache holds them. Fewer make each task read all filters for less. */
const mostTiles = (machine: CMachine) => (hasLargeL2(machine) ? 64 : 28);
/** What the transformed tiles of a task may take: they are written once, and read once for each share of the channels. */
const blockBytes = 3072 * 1024;
/** What the transformed filters of a block of channels may take of the L2 cache, and as much the tiles of its channels and the products. */
const panelBytes = (machine: CMachine) => (hasLargeL2(machine) ? 320 : 160) * 1024;
/** Channels of such a block: fewer leave the sums too often in memory. */
const leastSteps = 16;
/** Shares of columns: fewer leave threads without. */
const leastShares = 4;

/**
 * A way to compute a correlation: blocks of tiles that a task takes through all steps, all tiles of a layer at once, or all tiles by panels
 * of the result's columns.
 *
 * Times are in multiply-adds, of which a core does 4 in the time in which it reads a number from beyond its L2 cache, 24 from
 * memory. The number of threads is none of it: it must not decide between algorithms, whose rounding differs.
 */
export type Way =
  | { readonly time: number; readonly blocks: WinogradOptions }
  | { readonly time: number; readonly stages: 2 | 4 }
  | { readonly time: number; readonly panels: PanelOptions; readonly inRegisters?: boolean };

/** Numbers that fit into the last cache beside others. */
const cachedNumbers = 4e6;
const fromCache = 4;
const fromMemory = 24;
/** What blocks cost beside the sum of their steps, for which they copy edges and have few rows: 1.3 to 1.45 as measured. */
const blockCost = 1.35;
/** What transforming a number of a tile costs, and of a filter. */
const transformCost = 6;
const filterCost = 60;
/**
 * The same where it stays in the L2 cache: as measured with 256 bits (AMD Zen 3), where F(4×4) has 7×7 places with 512 channels in 0.87 of
 * the time of F(2×2); and as two layers on one image bound it with 512 (Intel Ice Lake), whose multiply-adds are twice as many in the
 * time of an instruction.
 */
const panelFilterCost = ({ lanes, numberBytes }: CMachine) => (lanes * numberBytes === 64 ? 6.4 : 3.5);

/** The same in registers, as measured with 512 bits (Intel Emerald Rapids). */
const registerFilterCost = 2.7;

/** The best way, or undefined where the direct sum is estimated to be as fast. */
export function chosenWay(correlation: Correlation, isConstant: boolean, machine: CMachine): Way | undefined {
  const { contraction, p, q, c, image } = correlation;
  const k = contraction.n.extent;
  const images = image?.extent ?? 1;
  const directReading = 9 * c.extent * k * fromMemory;
  const direct = Math.max(images * p.extent * q.extent * 9 * c.extent * k, directReading);
  const ways = ([4, 2] as const).flatMap((size) => {
    const preparing = isConstant ? 0 : (size + 2) ** 2 * c.extent * k * filterCost;
    const ways: Way[] = [...blocksOf(correlation, size, machine), inStages(correlation, size)];
    const prepared = ways.map((way) => ({ ...way, time: way.time + preparing }));
    return isConstant ? [...prepared, ...byPanels(correlation, size, machine)] : prepared;
  });
  if (isConstant) ways.push(...inRegisters(correlation, machine));
  const best = ways.reduce((a, b) => (b.time < a.time ? b : a));
  return best.time < 0.95 * direct ? best : undefined;
}

/** Ways with some rows of tiles in a task. */
function blocksOf({ contraction, p, q, c, image }: Correlation, size: 2 | 4, machine: CMachine): Way[] {
  const k = contraction.n.extent;
  const images = image?.extent ?? 1;
  const [rows, columns] = [Math.ceil(p.extent / size), Math.ceil(q.extent / size)];
  const products = (size + 2) ** 2;
  const filters = products * c.extent * k;
  const perTile = 4 * products * (c.extent + Math.min(k, 64));
  const fit = Math.min(mostTiles(machine), Math.floor(blockBytes / perTile));
  const ways: Way[] = [];
  for (let blocks = 1; blocks <= rows; blocks++) {
    const tileRows = Math.ceil(rows / blocks);
    if (tileRows * columns > Math.max(fit, columns)) continue;
    const together = blocks > 1 ? 1 : largestDivisor(images, Math.max(1, Math.floor(fit / (rows * columns))));
    const tasks = Math.ceil(rows / tileRows) * (images / together);
    const tiles = tileRows * columns * together;
    const multiplying = tasks * multiplyingOf(tiles, filters);
    const transforming = tasks * tiles * (c.extent + k) * products * transformCost;
    // The first reading is from memory, others are from the last cache, where filters fit into it.
    const reading = filters * (fromMemory + (tasks - 1) * (filters < cachedNumbers ? fromCache : fromMemory));
    // Shares of whole vectors, where there are too few tasks for the threads.
    let shares = 1;
    while (tasks * shares < 2 * machine.threads && k % (shares * 2) === 0 && k / (shares * 2) >= 32)
      shares *= 2;
    const time = blockCost * (Math.max(multiplying, reading) + transforming);
    ways.push({ time, blocks: { size, tileRows, together, shares } });
  }
  return ways;
}

/** The way with all tiles at once. */
function inStages({ contraction, p, q, c, image }: Correlation, size: 2 | 4): Way {
  const k = contraction.n.extent;
  const tiles = (image?.extent ?? 1) * Math.ceil(p.extent / size) * Math.ceil(q.extent / size);
  const products = (size + 2) ** 2;
  const filters = products * c.extent * k;
  const numbers = tiles * (c.extent + k) * products;
  const moving = 2 * (numbers < cachedNumbers ? fromCache : fromMemory);
  const time =
    Math.max(multiplyingOf(tiles, filters), filters * fromMemory) + numbers * (transformCost + moving);
  return { time, stages: size };
}

/** The way by panels of columns, for filters that are constant and tiles that are few. */
function byPanels(correlation: Correlation, size: 2 | 4, machine: CMachine): Way[] {
  const { contraction, c } = correlation;
  const k = contraction.n.extent;
  const columns = 4 * machine.lanes;
  const width = tileVectors(machine) * machine.lanes;
  const products = (size + 2) ** 2;
  const tiles = tilesOf(correlation, size).reduce((x, y) => x * y, 1);
  const numbers = panelBytes(machine) / 4 / products;
  const steps = largestDivisor(c.extent, Math.floor(numbers / columns));
  const isSmall = tiles * (columns + steps) <= numbers;
  if (!isSmall || steps < leastSteps || k % columns !== 0 || k / columns < leastShares) return [];
  // Each block of channels reads and writes all sums.
  const time = panelTime(correlation, size, tiles * (1 + 4 / steps) + panelFilterCost(machine));
  return [{ time, panels: { size, columns, width, steps } }];
}

/** The same with filters that are transformed in registers. */
function inRegisters(correlation: Correlation, machine: CMachine): Way[] {
  const panels = registerPanels(correlation, machine);
  if (panels === undefined || correlation.contraction.n.extent / panels.columns < leastShares) return [];
  const tiles = tilesOf(correlation, panels.size).reduce((x, y) => x * y, 1);
  return [
    { time: panelTime(correlation, panels.size, tiles + registerFilterCost), panels, inRegisters: true },
  ];
}

/** The time of panels, where transforming and using a number of a transformed filter costs `perNumber`. */
function panelTime(correlation: Correlation, size: 2 | 4, perNumber: number): number {
  const { contraction, c } = correlation;
  const k = contraction.n.extent;
  const [filters, products] = [c.extent * k, (size + 2) ** 2];
  const tiles = tilesOf(correlation, size).reduce((x, y) => x * y, 1);
  const transforming = tiles * (c.extent + k) * products * (transformCost + 2 * fromCache);
  return Math.max(perNumber * products * filters, 9 * filters * fromMemory) + transforming;
}

/** With few tiles, register tiles are low. */
function multiplyingOf(tiles: number, filters: number): number {
  return tiles * filters * (tiles >= 14 ? 1 : 1 + 2 / tiles);
}

/** The largest divisor of `of` that is at most `most`. */
function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most);
  while (of % divisor !== 0) divisor--;
  return divisor;
}

/** Panels of so many columns, each as wide as a good register tile; 1 where these do not divide them. */
export function panelsOf(machine: CMachine, columns: number): number {
  const width = tileVectors(machine) * machine.lanes;
  return columns % width === 0 ? columns / width : 1;
}
