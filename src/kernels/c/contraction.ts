/**
 * Renders sums of products: direct, without im2col.
 *
 * A task has some rows and some panels of columns. B is packed once into panels as wide as a tile, unless few rows use it
 * or it is the image that a weight's gradient sums over. Where A has edges, a task first copies what it needs of A into a
 * box (`../contraction-view.ts`), and where rows of A lie a multiple of 4 KiB apart, which puts them all into the same few
 * lines of the L1 cache, it copies them as well, a little further apart. The gradient of a weight is summed in chunks whose
 * number depends on shapes alone, and the chunks are added in order, so the result does not depend on threads.
 */

import { type View, viewOf } from "../contraction-view.ts";
import { type Axis, extentOf, type Index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { usesOutside } from "../packing.ts";
import {
  type Contraction,
  chunksOf,
  finishedPart,
  isEpilogue,
  mergeRuns,
  type PartialSums,
  type Run,
  readsAround,
} from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { renderNest } from "./nest.ts";
import { packedPanels, panelsInPlace } from "./panels.ts";
import { CKernel, type CMachine, type CTarget, hasLargeL2, type Launch } from "./target.ts";
import { panelNumbers, stepsInCache, type Tiling, tilingOf } from "./tile.ts";
import { TileLoops } from "./tile-loops.ts";
import type { ReadAround, Walk, WindowRows } from "./walk.ts";

/** Enough tasks to keep the threads of a large machine balanced. */
const enoughTasks = 64;
/**
 * Tasks have several panels, and are as many as balance these threads, where each copies a box, and where all rows are in a task and B
 * comes from beyond the L2 cache: each panel asks for the next.
 */
const tasksPerThread = 6;
/** What a box may take of the L2 cache beside B and the result. */
const boxBytes = (machine: CMachine) => (hasLargeL2(machine) ? 512 : 128) * 1024;
/** The same where a gradient sums along the box: every block of it reads and writes all sums. */
const sumBoxBytes = 480 * 1024;
/** Rows that B should at least have for packing it to pay: at each run, or once. */
const packingRows = 24;
const packingRowsOnce = 4;
/** Multiply-adds that a task should have at least: some microseconds. */
const taskMacs = 1024 * 1024;
/** Numbers of A and the result that a task without a box should touch. */
const taskElements = 48 * 1024;
/** Numbers of A for which tasks that share columns follow one another: A is read again for each panel, from the L2 cache. */
const smallNumbers = 256 * 1024;
/** Steps of a sum between which results wait in memory, where B is read in place or its panels exceed the L2 cache. */
const stepsInBlock = 512;

export function renderContraction(
  target: CTarget,
  c: Contraction,
  layout: Layout,
  isConstant = target.constants.has(c.b.operand),
): Launch[] | undefined {
  const scheduled = schedule(target, c, layout, isConstant);
  if (scheduled === undefined) return undefined;
  const { walk, packing } = scheduled;
  const { tiling, rows, splits, partials, rowsPerTask, blocksRows } = walk;
  const { box } = walk.view;
  const panels = panelCount(tiling);
  const chunks = splits.length === 0 ? 1 : (partials?.chunks ?? 1);
  const outside = c.m.filter((each) => box?.outside.includes(each));
  const blocks = blocksRows && box !== undefined ? Math.ceil(box.blocked.extent / box.block) : 1;
  const rowCount = rows[0]?.extent ?? 1;
  const perRowTask = box === undefined ? rowsPerTask : rowCount;
  const rowTasks = box === undefined ? Math.ceil(rowCount / perRowTask) : 1;
  const others = extentOf([...c.batch, ...outside]) * blocks * chunks * rowTasks;
  const hasFew = box !== undefined || (others === 1 && extentOf(c.k) * c.n.extent > panelNumbers);
  const enough = hasFew ? Math.min(enoughTasks, tasksPerThread * target.machine.threads) : enoughTasks;
  const perShare = Math.ceil(panels / Math.min(panels, Math.max(1, Math.ceil(enough / others))));
  const shares = Math.ceil(panels / perShare);

  const kernel = new CKernel(target);
  const lines = kernel.body;
  const variables = new Map<Axis, string>();
  const isSmallA = hasSmallA(c, walk.view);
  if (isSmallA) kernel.digit(rowTasks, "rowTask");
  kernel.digit(shares, "share");
  if (!isSmallA) kernel.digit(rowTasks, "rowTask");
  kernel.digit(blocks, "block");
  for (const each of outside.toReversed()) variables.set(each, kernel.digit(each.extent, kernel.name("m")));
  kernel.digit(chunks, "chunk");
  for (const each of c.batch.toReversed()) variables.set(each, kernel.digit(each.extent, kernel.name("g")));
  lines.push(
    `const long panelFrom = share * ${perShare}, panelTo = least(panelFrom + ${perShare}, ${panels});`,
    `const long rowFrom = rowTask * ${perRowTask};`,
    `const long rowTo = least(rowFrom + ${perRowTask}, ${rowCount});`,
  );
  new TileLoops(walk).task(kernel, variables);
  const tasks = others * shares;
  // Very small tasks are done several at a time: neighbours, whose columns lie behind one another.
  const macs = extentOf([...c.batch, ...c.m, c.n, ...c.k]) / tasks;
  const together = Math.max(1, Math.floor(Math.min(taskMacs / macs, tasks / enoughTasks)));
  if (together > 1) {
    lines.unshift(
      `for (long all = task * ${together}, end = least(all + ${together}, ${tasks}); all < end; all++) {`,
      "const long task = all;",
    );
    lines.push("}");
  }
  const launches = [...packing, target.launch(kernel, Math.ceil(tasks / together))];
  if (partials !== undefined) {
    const part = finishedPart(c, partials.operand, partials.axes);
    launches.push(renderNest(target, [{ part, layout }]));
  }
  return launches;
}

/** What a helper does beside its sums. */
export interface HelperOptions {
  readonly isConstant: boolean;
  /** Whether it adds to what is there. Default false. */
  readonly adds?: boolean;
  /** What its tiles ask for: so many numbers, from a number on that is the helper's last argument. Default: B's next panel. */
  readonly ahead?: { readonly operand: Operand; readonly numbers: number };
  /** What is asked for between tiles: so many numbers of each, from numbers on that are the helper's last arguments. Default: nothing. */
  readonly meanwhile?: readonly { readonly layout: Layout; readonly numbers: number }[];
}

/**
 * Packing launches, and a helper of `kernel` that computes the whole contraction, all rows and columns of all batches, for places of
 * the `given` axes, its arguments, on which the place of the result does not depend.
 */
export function renderContractionHelper(
  kernel: CKernel,
  contraction: Contraction,
  layout: Layout,
  given: readonly Axis[],
  { isConstant, adds, ahead, meanwhile = [] }: HelperOptions,
): { packing: readonly Launch[]; helper: string } | undefined {
  const c = { ...contraction, batch: [...given, ...contraction.batch] };
  const inPlace = extentOf([...contraction.batch]);
  const scheduled = schedule(kernel.target, c, layout, isConstant, {
    adds,
    asked: ahead && ahead.numbers / inPlace,
    meanwhile: meanwhile.map(({ numbers }) => numbers / inPlace),
  });
  if (scheduled === undefined) return undefined;
  const { packing } = scheduled;
  const walk = { ...scheduled.walk, rowsPerTask: scheduled.walk.rows[0]?.extent ?? 1 };
  if (walk.view.box !== undefined || walk.partials !== undefined) return undefined;
  const body: string[] = [];
  const variables = new Map<Axis, string>();
  const names = given.map((each) => {
    const name = kernel.name("g");
    variables.set(each, name);
    return name;
  });
  if (ahead !== undefined) {
    names.push("aheadFrom");
    body.push(`const real *ahead = ${kernel.pointer(ahead.operand)} + aheadFrom;`);
  }
  for (const [i, each] of meanwhile.entries()) {
    names.push(`from${i}`);
    body.push(`const real *meanwhile${i} = ${kernel.pointerTo(each.layout)} + from${i};`);
  }
  const walked = c.batch.filter((each) => !given.includes(each));
  for (const each of walked) {
    const name = kernel.name("g");
    variables.set(each, name);
    body.push(`for (long ${name} = 0; ${name} < ${each.extent}; ${name}++) {`);
  }
  body.push(`const long chunk = 0, block = 0, panelFrom = 0, panelTo = ${panelCount(walk.tiling)};`);
  body.push(`const long rowFrom = 0, rowTo = ${walk.rows[0]?.extent ?? 1};`);
  new TileLoops(walk).task(kernel, variables, body);
  for (const _ of walked) body.push("}");
  return { packing, helper: kernel.helper(body, names) };
}

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
function schedule(
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

function panelCount({ groups }: Tiling): number {
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
function hasSmallA(c: Contraction, { box }: View): boolean {
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
