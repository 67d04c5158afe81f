/**
 * Renders maps, windows and small reductions: loops around vectors as wide as the machine's.
 *
 * The outer axes are one count of iterations, cut into tasks; inside run a vector loop and a row loop, in the order that
 * the schedule chose. A rest of the vector loop is done by narrower vectors, so nothing is computed or stored in vain.
 */

import { visit } from "../formula.ts";
import { type Axis, extentOf, type Index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { type Nest, type PlacedPart, scheduleNest } from "../schedule-nest.ts";
import { spreadSums } from "../spread-sums.ts";
import type { Operand } from "../value.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";
import { type Range, Values } from "./values.ts";

/** Numbers of all outputs, times the size of their windows, that a task should produce. */
const taskElements = 8192;

/** Renders parts over the same axes, each into its own layout, as one kernel. */
export function renderNest(target: CTarget, placed: readonly PlacedPart[], constant = false): Launch {
  const { lanes, registers } = target.machine;
  const parts = spreadSums(placed, { lanes, sums: registers / 2 });
  target.reads(parts.map(({ part }) => part));
  const kernel = new CKernel(target);
  const nest = scheduled(target, parts);
  const { outer, row, vector } = nest;
  const inner = (row?.extent ?? 1) * (vector?.extent ?? 1);
  const work = inner * windowSize(nest) * nest.outputs.length;
  const values = new Values(kernel, nest);
  let tasks = 1;
  if (outer.length > 0) {
    const iterations = extentOf(outer);
    const perTask = Math.max(1, Math.floor(taskElements / work));
    tasks = Math.ceil(iterations / perTask);
    const at = kernel.name("i");
    const names = decode(values, outer, at);
    values.scoped(
      outer,
      `for (long ${at} = task * ${perTask}, end = least(${at} + ${perTask}, ${iterations}); ${at} < end; ${at}++) {\n${names}`,
      () => body(nest, values, target, kernel),
    );
  } else {
    const split = row ?? vector;
    if (split !== undefined) {
      const widest = target.machine.lanes;
      const wanted = Math.floor(taskElements / (work / split.extent));
      const perTask =
        split === row ? Math.max(1, wanted) : Math.max(widest, Math.floor(wanted / widest) * widest);
      tasks = Math.ceil(split.extent / perTask);
      const range = tasks === 1 ? undefined : { from: "from", to: "to" };
      if (range !== undefined)
        values.line(`const long from = task * ${perTask}, to = least(from + ${perTask}, ${split.extent});`);
      body(nest, values, target, kernel, { [split === row ? "row" : "vector"]: range });
    } else body(nest, values, target, kernel);
  }
  kernel.body.push(...values.lines);
  return target.launch(kernel, tasks, constant);
}

/** Renders the same as a helper of a kernel, which does all of it; `given` axes are its arguments. */
export function renderNestHelper(
  kernel: CKernel,
  parts: readonly PlacedPart[],
  given: readonly Axis[] = [],
): string {
  const { target } = kernel;
  const nest = scheduled(target, parts);
  const values = new Values(kernel, nest);
  const names = given.map((each, i) => {
    values.indices.setAxis(each, `g${i}`);
    return `g${i}`;
  });
  const loops = (axes: readonly Axis[]): void => {
    const [first, ...rest] = axes;
    if (first === undefined) body(nest, values, target, kernel);
    else values.loop(first, () => loops(rest));
  };
  loops(nest.outer);
  return kernel.helper(values.lines, names);
}

function scheduled(target: CTarget, parts: readonly PlacedPart[]): Nest {
  const start = (layout: Layout): Layout => ({ ...layout, offset: 0 });
  const nest = scheduleNest(
    parts.map(({ part, layout }) => ({ part, layout: start(layout) })),
    (operand: Operand) => start(target.layoutOf(operand)),
  );
  // Where results lie: the schedule needs strides alone.
  return { ...nest, outputs: nest.outputs.map((each, i) => ({ ...each, layout: parts[i].layout })) };
}

function body(
  nest: Nest,
  values: Values,
  target: CTarget,
  kernel: CKernel,
  ranges: { row?: Range | undefined; vector?: Range | undefined } = {},
): void {
  const { row, vector, vectorOutside, outputs } = nest;
  const waits = outputsThatWait(nest, target);
  const innermost = () => {
    const waiting: (() => void)[] = [];
    for (const [i, { value, layout, linear }] of outputs.entries()) {
      const text = values.emit(value);
      const store = () => values.store(value, linear, kernel.pointerTo(layout), text);
      if (waits[i]) waiting.push(store);
      else store();
    }
    for (const store of waiting) store();
  };
  const vectorLoop = (inside: () => void) => {
    if (vector === undefined) inside();
    else values.vectorLoop(vector, target.lanesFor(vector.extent), inside, ranges.vector);
  };
  const rowLoop = (inside: () => void) => {
    if (row === undefined) inside();
    else values.loop(row, inside, false, ranges.row);
  };
  if (vectorOutside) vectorLoop(() => rowLoop(innermost));
  else rowLoop(() => vectorLoop(innermost));
}

/**
 * For each output, whether it must not be stored before the others are computed: a result may take the memory of an operand. The others
 * are stored at once: 36 numbers of a transformed tile do not fit into registers.
 */
function outputsThatWait({ outputs, accesses }: Nest, target: CTarget): boolean[] {
  const written = new Set(outputs.map(({ layout }) => layout.buffer));
  const near = new Map(
    [...accesses].filter(([, { operand }]) => written.has(target.layoutOf(operand).buffer)),
  );
  if (near.size === 0) return outputs.map(() => false);
  /** What each output reads that is not its own: what is read where it is stored afterwards is nobody else's. */
  const reads = outputs.map((output) => {
    const found: Stretch[] = [];
    visit([output.value], (each) => {
      const access = near.get(each);
      if (access === undefined) return;
      const layout = target.layoutOf(access.operand);
      const apart = access.linear.minus(output.linear).plus(layout.offset - output.layout.offset);
      if (!apart.range().every((end) => end === 0)) found.push(stretchOf(layout, access.linear));
    });
    return found;
  });
  return outputs.map(({ layout, linear }, i) => {
    const stored = stretchOf(layout, linear);
    return reads.some((each, j) => j > i && each.some((read) => meet(read, stored)));
  });
}

/** Places of a memory, from the first to the last. */
interface Stretch {
  readonly buffer: number;
  readonly first: number;
  readonly last: number;
}

function stretchOf({ buffer, offset }: Layout, linear: Index): Stretch {
  const [low, high] = linear.range();
  return { buffer, first: offset + low, last: offset + high };
}

function meet(a: Stretch, b: Stretch): boolean {
  return a.buffer === b.buffer && a.first <= b.last && b.first <= a.last;
}

/** Declares the outer axes' variables, taken from one count. */
function decode(values: Values, axes: readonly Axis[], count: string): string {
  const lines: string[] = [];
  let rest = count;
  for (const [i, each] of axes.toReversed().entries()) {
    const name = values.indices.axisName(each);
    const isLast = i === axes.length - 1;
    lines.push(`const long ${name} = ${isLast ? rest : `${rest} % ${each.extent}`};`);
    rest = `${rest} / ${each.extent}`;
  }
  return lines.join("\n");
}

/** Iterations of the largest reduction inside; 1 where there is none. */
function windowSize({ reductions }: Nest): number {
  const sizes = [...reductions.values()].map((axes) => extentOf(axes));
  return Math.max(1, ...sizes);
}
