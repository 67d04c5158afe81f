/**
 * Decides how a contraction is walked through.
 *
 * B is packed once into panels as wide as a tile, unless few rows use it or it is the image that a weight's gradient sums over.
 * Where A has edges, a task first copies what it needs of A into a box (`../contraction-view.ts`), and where rows of A lie a multiple
 * of 4 KiB apart, which puts them all into the same few lines of the L1 cache, it copies them as well, a little further apart.
 * A sum whose panel exceeds the L2 cache is made in blocks of its steps, and finished where the last one ends.
 */

import { type View, viewOf } from "../contraction-view.ts";
import { type Axis, extentOf, type Index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { usesOutside } from "../packing.ts";
import {
  type Contraction,
  chunksOf,
  isEpilogue,
  mergeRuns,
  type PartialSums,
  type Run,
  readsAround,
} from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { packedPanels, panelsInPlace } from "./panels.ts";
import { type CMachine, type CTarget, hasLargeL2, type Launch } from "./target.ts";
import { panelNumbers, stepsInCache, type Tiling, tilingOf } from "./tile.ts";
import type { ReadAround, Walk, WindowRows } from "./walk.ts";

/** Enough tasks to keep the threads of a large machine balanced. */
export const enoughTasks = 64;
/**
 * Tasks have several panels, and are as many as balance these threads, where each copies a box, and where all rows are in a task and B
 * comes from beyond the L2 cache: each panel asks for the next.
 */
export const tasksPerThread = 6;
/** What a box may take of the L2 cache beside B and the result. */
const boxBytes = (machine: CMachine) => (hasLargeL2(machine) ? 512 : 128) * 1024;
/** The same where a gradient sums along the box: every block of it reads and writes all sums. */
const sumBoxBytes = 480 * 1024;
/** Rows that B should at least have for packing it to pay: at each run, or once. */
const packingRows = 24;
const packingRowsOnce = 4;
/** Numbers of A and the result that a task without a box should touch. */
const taskElements = 48 * 1024;
/** Numbers of A for which tasks that share columns follow one another: A is read again for each panel, from the L2 cache. */
const smallNumbers = 256 * 1024;
/** Steps of a sum between which results wait in memory, where B is read in place or its panels exceed the L2 cache. */
const stepsInBlock = 512;

/** How the contraction reads A, or undefined where that has not a form known here. */
export function viewFor(target: CTarget, c: Contraction): View | undefined {
  // Tasks are rows and columns of the result: with many columns, a task may have many rows, for which B is read once.
  const wanted = Math.ceil(enoughTasks / Math.ceil(c.n.extent / (2 * target.machine.lanes)));
  return viewOf(c, target.layoutOf(c.a.operand), {
    boxBytes: boxBytes(target.machine),
    sumBoxBytes,
    enoughTasks: wanted,
  });
}

/** What of a helper's options its schedule takes: numbers for each place of the batch. */
interface Asked {
  readonly adds?: boolean | undefined;
  readonly asked?: number | undefined;
  readonly meanwhile?: readonly number[];
}

/** How the contraction is walked through, and the launches that pack B before; undefined where A has not a form known here. */
export function schedule(
  target: CTarget,
  c: Contraction,
  layout: Layout,
  isConstant: boolean,
  { adds = false, asked, meanwhile = [] }: Asked = {},
): { readonly walk: Walk; readonly packing: readonly Launch[] } | undefined {
  const view = viewFor(target, c);
  if (view === undefined) return undefined;
  const { box } = view;
  const linearB = linearIndex(c.b.at, target.layoutOf(c.b.operand));
  const splits = splitAxes(c, view, linearB);
  const sumInTile = c.k.filter((each) => !splits.includes(each));
  const blocksSum = box !== undefined && c.k.includes(box.blocked);
  const rowCount = extentOf(c.m);
  const isParted = splits.length > 0 || blocksSum;
  // Columns that lie as panels do need no packing.
  const isPanel =
    c.n.extent <= 4 * target.machine.lanes &&
    sumInTile.length > 0 &&
    sumInTile.every((each, i) => linearB.factorOf(each) === extentOf(sumInTile.slice(i + 1)) * c.n.extent);
  const inPlace =
    linearB.factorOf(c.n) === 1 &&
    (isParted ||
      isPanel ||
      rowCount < (isConstant ? packingRowsOnce : packingRows) ||
      usesOutside(linearB, sumInTile, c));
  const steps = extentOf(sumInTile);
  const isLong = inPlace ? steps > 2 * stepsInBlock : steps > stepsInCache(target.machine);
  const isBlocked = isLong && !isPanel && !blocksSum && rowCount >= packingRows;
  const beside = readsBeside(target, c);
  const isPlain =
    isEpilogue(c.part.value, c.sum) && beside.every(({ linear }) => [0, 1].includes(linear.factorOf(c.n)));
  const partials = isParted || !isPlain ? partialSums(target, c, splits) : undefined;
  const around = partials === undefined ? beside : [];
  const { out, outFactor } = outOf(c, layout, partials);
  const blocked = box && {
    extent: box.block,
    axes: [box.blocked],
    factors: (tables: readonly ((axis: Axis) => number)[]) => tables.map((table) => table(box.blocked)),
  };

  const rowTables = [
    view.factorOf,
    outFactor,
    ...around.map(
      ({ linear }) =>
        (each: Axis) =>
          linear.factorOf(each),
    ),
  ];
  const inRows = c.m.filter((each) => !box?.outside.includes(each) && each !== box?.blocked);
  const rows = mergeRuns(inRows, rowTables);
  const blocksRows = blocked !== undefined && !blocksSum;
  if (blocksRows) rows.unshift({ ...blocked, factors: blocked.factors(rowTables) });
  const along = bestRun(rows, blocksRows);
  const stretches = along > 0 ? rows[along - 1].extent : 1;
  const tiling = tilingOf(
    c.n.extent,
    rows[along]?.extent ?? 1,
    stretches,
    isBlocked ? stepsInBlock : steps,
    target.machine,
  );
  const { panels, packing } = inPlace
    ? { panels: panelsInPlace(target, c, tiling), packing: [] }
    : packedPanels(target, c, tiling, sumInTile, isConstant);

  const sumTables = [view.factorOf, (each: Axis) => panels.factorOf(each, 1)];
  const sums = mergeRuns(
    sumInTile.filter((each) => !blocksSum || each !== box?.blocked),
    sumTables,
  );
  if (blocksSum && blocked !== undefined) sums.unshift({ ...blocked, factors: blocked.factors(sumTables) });
  const sumBlock = isBlocked
    ? Math.max(1, Math.round(stepsInBlock / extentOf(sums.slice(1))))
    : blocksSum
      ? box.block
      : undefined;
  const walk = {
    ...{ accumulates: isParted || adds, adds },
    ...{ target, c, view, blocksRows, splits, tiling, panels, packs: !inPlace, isPanel },
    ...{ partials, around, out, outFactor, rows, along, sums, sumBlock, blocksSum },
    askedInPanel: asked === undefined ? undefined : asked / panelCount(tiling),
    askedMeanwhile: meanwhile.map((numbers) => numbers / panelCount(tiling)),
    window: blocksRows && along > 0 && sumBlock === undefined ? windowRows(c, view, sums, tiling) : undefined,
  };
  return { walk: { ...walk, rowsPerTask: rowsPerTask(walk) }, packing };
}

export function panelCount({ groups }: Tiling): number {
  const last = groups[groups.length - 1];
  return last.panel + last.count;
}

/** Rows of the window that are outside the image at some places, where they are the first run of the sum and each tile has one row of the result. */
function windowRows(
  { a }: Contraction,
  { box }: View,
  [run, ...inner]: readonly Run[],
  { groups }: Tiling,
): WindowRows | undefined {
  const [, at] = a.at;
  const [, height] = a.operand.shape;
  const [row] = run.axes;
  const perRow = at.factorOf(row);
  if (box === undefined || inner.length === 0 || run.axes.length > 1 || perRow === 0) return undefined;
  const isPlain = at.terms.every(({ atom }) => atom === row || atom === box.blocked);
  const [low, high] = at.range();
  if (!isPlain || (low >= 0 && high < height) || groups.some(({ deep }) => deep > 1)) return undefined;
  return { extent: run.extent, first: at.constant, perPlace: at.factorOf(box.blocked), perRow, height };
}

/** Whether A stays in the L2 cache from panel to panel. */
export function hasSmallA(c: Contraction, { box }: View): boolean {
  return box === undefined && extentOf([...c.m, ...c.k]) <= smallNumbers;
}

/** Where tiles' results go, and how far each axis moves there. */
function outOf(
  c: Contraction,
  layout: Layout,
  partials: PartialSums | undefined,
): { readonly out: Layout; readonly outFactor: (axis: Axis) => number } {
  if (partials === undefined) {
    const linear = linearIndex(c.part.at, { ...layout, offset: 0 });
    const out = { ...layout, offset: layout.offset + linear.constant };
    return { out, outFactor: (each) => linear.factorOf(each) };
  }
  const { axes, layout: out } = partials;
  return { out, outFactor: (each) => (axes.includes(each) ? out.strides[1 + axes.indexOf(each)] : 0) };
}

/** Rows of the first run for one task, without a box. */
function rowsPerTask({
  rows,
  along,
  c,
  tiling,
  accumulates,
  packs,
  sumBlock,
  target,
}: Omit<Walk, "rowsPerTask">): number {
  const [run] = rows;
  if (run === undefined) return 1;
  const { threads } = target.machine;
  const inner = extentOf(rows.slice(1));
  const steps = extentOf(c.k);
  const panels = Math.ceil(c.n.extent / (2 * tiling.lanes));
  // B is read once for the rows of a task: where it does not fit into the L2 cache beside them, these are as many as do.
  const isLarge = Math.min(steps, 4096) * c.n.extent > panelNumbers;
  const most = isLarge
    ? panelNumbers / Math.min(steps, sumBlock === undefined ? 4096 : stepsInBlock)
    : taskElements / (steps + c.n.extent);
  // All of B passes the rows of a task: with a long sum from beyond the L2 cache, so that these are many, in equal parts.
  const enough = sumBlock === undefined ? enoughTasks : Math.min(enoughTasks, tasksPerThread * threads);
  const balanced = (run.extent * extentOf(c.batch) * (isLarge ? panels : 1)) / enough;
  const atMost =
    (accumulates || sumBlock !== undefined) && !packs ? run.extent / 8 : Math.min(most / inner, balanced);
  const wanted = sumBlock === undefined ? atMost : run.extent / Math.ceil(run.extent / atMost);
  const multiple = along === 0 ? Math.max(...tiling.groups.map((group) => group.rows)) : 1;
  const isCommon = along !== 0 || tiling.groups.every((group) => group.rows === multiple);
  // Tiles of different heights share only stretches that all divide.
  const step = isCommon ? multiple : tiling.groups.reduce((product, { rows: each }) => lcm(product, each), 1);
  return Math.min(run.extent, Math.max(1, Math.ceil(wanted / step)) * step);
}

/** Axes of the sum that are walked outside the tiles. */
function splitAxes(c: Contraction, { box }: View, linearB: Index): Axis[] {
  if (box !== undefined) return c.k.filter((each) => box.outside.includes(each));
  // With many results the tasks are parts of the result; with few, parts of the sum.
  const isLong = extentOf(c.k) > 8192 && extentOf(c.part.axes) < 256 * 1024;
  return c.k.length > 1 && isLong && linearB.factorOf(c.n) === 1 ? [c.k[0]] : [];
}

/** Reads of what stands around the sum. */
function readsBeside(target: CTarget, { part, sum }: Contraction): ReadAround[] {
  return readsAround(part.value, sum).flatMap((value) => {
    const { node } = value;
    if (node.kind !== "read") return [];
    const linear = linearIndex(node.at, { ...target.layoutOf(node.operand), offset: 0 });
    return [{ value, operand: node.operand, linear }];
  });
}

/** Memory for sums that are not finished, one for each chunk of the split axes. */
function partialSums(target: CTarget, c: Contraction, splits: readonly Axis[]): PartialSums {
  const axes = c.part.axes.filter((each) => each.extent > 1);
  const { chunks, perChunk } = chunksOf(extentOf(splits), axes);
  const operand: Operand = { shape: [chunks, ...axes.map((each) => each.extent)] };
  return { operand, layout: target.place(operand, "scratch"), axes, chunks, perChunk };
}

/** The run for tiles to go along: the innermost that is long enough, else the longest. */
function bestRun(rows: readonly Run[], firstIsBlock: boolean): number {
  const from = firstIsBlock && rows.length > 1 ? 1 : 0;
  const long = rows.findLastIndex(({ extent }, i) => i >= from && extent >= 6);
  if (long >= 0) return long;
  let best = Math.max(0, rows.length - 1);
  for (let i = from; i < rows.length; i++) if (rows[i].extent > rows[best].extent) best = i;
  return best;
}

function lcm(a: number, b: number): number {
  const gcd = (x: number, y: number): number => (y === 0 ? x : gcd(y, x % y));
  return (a / gcd(a, b)) * b;
}
