/**
 * Renders products of few rows with a large matrix, such as linear layers on one image: bound by reading B, which is used once.
 *
 * A register tile would read B in columns 64 bytes wide and a row's length apart (7 GB/s of 21 with VGG-16's first). So B is read in
 * the order in which it lies, four of its rows at a time, and added to sums of all columns, which stay in the L1 cache. The machine's
 * own prefetchers follow these four best: asking for lines as well takes the places in which a core waits for them. Tasks are chunks
 * of the sum, whose number depends on shapes alone; they are added in order.
 */

import { extentOf } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { type Contraction, finishedPart, mergeRuns } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { renderNest } from "./nest.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";

const mostRows = 3;
/** Sums of all columns of a row should leave room in the L1 cache. */
const mostColumns = 4096;
/** Numbers of B from which on it comes from memory. */
const leastNumbers = 256 * 1024;
/** Numbers of B of a chunk, and how many chunks there may be. */
const chunkNumbers = 64 * 1024;
const mostChunks = 64;
/** Rows of B that are added together. */
const together = 4;

/** The launches, or undefined where rows are many, B is small, or it does not lie row after row. */
export function renderFewRows(target: CTarget, c: Contraction, layout: Layout): Launch[] | undefined {
  const linearA = linearIndex(c.a.at, { ...target.layoutOf(c.a.operand), offset: 0 });
  const linearB = linearIndex(c.b.at, { ...target.layoutOf(c.b.operand), offset: 0 });
  const [rows, columns] = [extentOf(c.m), c.n.extent];
  if (c.batch.length > 0 || rows > mostRows || columns > mostColumns || c.a.fill !== undefined)
    return undefined;
  const steps = mergeRuns(c.k, [(each) => linearA.factorOf(each), (each) => linearB.factorOf(each)]);
  const run = mergeRuns(c.m, [(each) => linearA.factorOf(each)]);
  const [step] = steps;
  if (steps.length !== 1 || run.length > 1 || linearB.factorOf(c.n) !== 1) return undefined;
  if (step.factors[1] < columns || step.extent * columns < leastNumbers) return undefined;

  const wanted = Math.min(mostChunks, Math.floor((step.extent * columns) / chunkNumbers));
  const perChunk = Math.ceil(step.extent / wanted / together) * together;
  const chunks = Math.ceil(step.extent / perChunk);
  const partial: Operand = { shape: [chunks, ...c.m.map((each) => each.extent), columns] };
  target.place(partial, "scratch");

  const kernel = new CKernel(target);
  const { lanes } = target.machine;
  const whole = Math.floor(columns / lanes) * lanes;
  const [stepA, stepB] = step.factors;
  const rowA = run[0]?.factors[0] ?? 0;
  const add = (count: number) => {
    const each = <T>(length: number, text: (i: number) => T) => Array.from({ length }, (_, i) => text(i));
    const factor = (r: number, i: number) => `a[${r * rowA} + (k + ${i}) * ${stepA}]`;
    const vectorSum = (width: number) =>
      each(
        rows,
        (r) =>
          `store_${width}(t + ${r * columns} + j, load_${width}(t + ${r * columns} + j)${each(count, (i) => ` + x${r}_${i} * b${i}`).join("")});`,
      );
    const loads = (width: number) =>
      each(count, (i) => `const v${width} b${i} = load_${width}(b + ${i * stepB} + j);`);
    return [
      `const real *const b = matrix + k * ${stepB};`,
      ...each(rows, (r) => each(count, (i) => `const real x${r}_${i} = ${factor(r, i)};`)).flat(),
      `for (long j = 0; j < ${whole}; j += ${lanes}) {`,
      ...loads(lanes),
      ...vectorSum(lanes),
      "}",
      `for (long j = ${whole}; j < ${columns}; j++) {`,
      ...loads(1),
      ...vectorSum(1),
      "}",
    ];
  };
  kernel.body.push(
    `const real *const a = ${kernel.pointer(c.a.operand)} + ${linearA.constant};`,
    `const real *const matrix = ${kernel.pointer(c.b.operand)} + ${linearB.constant};`,
    `real *const t = ${kernel.pointer(partial)} + task * ${rows * columns};`,
    `const long last = least((task + 1) * ${perChunk}, ${step.extent});`,
    `__builtin_memset(t, 0, ${rows * columns} * sizeof(real));`,
    `long k = task * ${perChunk};`,
    `for (; k + ${together} <= last; k += ${together}) {`,
    ...add(together),
    "}",
    "for (; k < last; k++) {",
    ...add(1),
    "}",
  );
  const part = finishedPart(c, partial, [...c.m, c.n]);
  return [target.launch(kernel, chunks), renderNest(target, [{ part, layout }])];
}
