/**
 * Renders sums of products: direct, without im2col, as `schedule.ts` decides.
 *
 * A task has some rows and some panels of columns. The gradient of a weight is summed in chunks whose number depends on shapes
 * alone, and the chunks are added in order, so the result does not depend on threads.
 */

import { type Axis, extentOf } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { type Contraction, finishedPart } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { renderNest } from "./nest.ts";
import { enoughTasks, hasSmallA, panelCount, schedule, tasksPerThread } from "./schedule.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";
import { panelNumbers } from "./tile.ts";
import { TileLoops } from "./tile-loops.ts";

/** Multiply-adds that a task should have at least: some microseconds. */
const taskMacs = 1024 * 1024;

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
  const places = extentOf([...contraction.batch]);
  const scheduled = schedule(kernel.target, c, layout, isConstant, {
    adds,
    asked: ahead && ahead.numbers / places,
    meanwhile: meanwhile.map(({ numbers }) => numbers / places),
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
