/**
 * Renders sums of outer products: gradients of weights, where rows of the result lie side by side in A and columns in B, and the
 * sum walks through both with wide steps, from image place to image place.
 *
 * Read in place, each step touches another page, and steps a power of two apart fall into the same few lines of the cache (37 to
 * 44 GFLOP/s of 94 in one thread). So a task, which has some rows and some columns, takes the sum in blocks: it copies what they
 * need of A and B next to each other, edges filled with zeros, and has its tiles add to the result (60 to 80). Where results are few,
 * the sum is cut into chunks as well, whose number depends on shapes alone, and these are added in order.
 */

import { type Axis, extentOf, type Index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { type Contraction, finishedPart, mergeRuns, type Run } from "../schedule-contraction.ts";
import { leavesEdges, type Operand } from "../value.ts";
import { renderNest } from "./nest.ts";
import { NextBlock } from "./next-block.ts";
import { firstColumn, panelLoop } from "./panels.ts";
import { CKernel, type CMachine, type CTarget, hasLargeL2, type Launch, lineNumbers } from "./target.ts";
import { type ColumnGroup, type Tiling, tileArguments, tileBody, tilingOf, wholeToRest } from "./tile.ts";

/** Steps of the sum in a block: what a tile reads of both copies stays in the L1 cache. */
const blockSteps = 128;
/** Tasks that keep the threads balanced. Fewer are larger, and copy less for what they compute. */
const tasksPerThread = 4;
/** Results of a task, which stay in the L2 cache beside the copies. */
const mostResults = (machine: CMachine) => (hasLargeL2(machine) ? 80 : 48) * 1024;
/** How often a task should use each number that it copies. */
const leastUses = 24;
/** The least steps of a sum, and of a chunk. */
const leastSteps = 64;
const chunkSteps = 1024;
/** Bytes that chunks of results may take. */
const chunkBytes = 8 * 1024 * 1024;
const mostChunks = 16;

/** The launches, or undefined where A and B do not lie like that, or copying would not pay. */
export function renderOuterProduct(
  target: CTarget,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  const form = formOf(target, contraction, layout);
  return form && new OuterProductRenderer(target, contraction, layout, form).render();
}

/** A contraction seen as outer products, and how it is cut. */
interface Form {
  /** The rows that lie side by side in A. */
  readonly row: Run;
  /** Axes with a task for each place: those of both operands, and other rows, such as a filter's. */
  readonly outer: readonly Axis[];
  /** Steps of the sum, outermost first. */
  readonly steps: readonly Run[];
  readonly tiling: Tiling;
  /** Rows and panels of columns of a task. */
  readonly rows: number;
  readonly panels: number;
  readonly chunks: number;
  /** Steps in a chunk, and in a block. */
  readonly perChunk: number;
  readonly block: number;
}

function formOf(target: CTarget, c: Contraction, layout: Layout): Form | undefined {
  const linearA = linearIndex(c.a.at, target.layoutOf(c.a.operand));
  const linearB = linearIndex(c.b.at, target.layoutOf(c.b.operand));
  const written = linearIndex(c.part.at, layout);
  if (linearB.factorOf(c.n) !== 1 || (c.a.fill ?? 0) !== 0) return undefined;
  const guarded = new Set<Axis>();
  for (const { at } of guardsOf(c)) at.collectAxes(guarded);
  // Rows that move an edge are none that lie side by side.
  const free = c.m.slice(1 + c.m.findLastIndex((each) => guarded.has(each)));
  const row = mergeRuns(free, [(each) => linearA.factorOf(each), (each) => written.factorOf(each)]).at(-1);
  if (row === undefined || row.factors[0] !== 1) return undefined;
  const isMergeable = !c.k.some((each) => guarded.has(each));
  const tables = [(each: Axis) => linearA.factorOf(each), (each: Axis) => linearB.factorOf(each)];
  const steps = isMergeable ? mergeRuns(c.k, tables) : c.k.flatMap((each) => mergeRuns([each], tables));
  const length = extentOf(c.k);
  if (length < leastSteps || steps.some(({ factors }) => factors[1] === 1)) return undefined;

  const outer = [...c.batch, ...c.m.filter((each) => !row.axes.includes(each))];
  const tiling = tilingOf(c.n.extent, row.extent, 1, blockSteps, target.machine);
  const [height, width] = [tiling.groups[0].rows, tiling.groups[0].vectors * tiling.lanes];
  // A long sum is cut before its results are: so each number is copied for as many of them as there can be.
  const results = extentOf(outer) * row.extent * c.n.extent;
  const chunks = Math.max(
    1,
    Math.min(mostChunks, Math.floor(length / chunkSteps), Math.floor(chunkBytes / (4 * results))),
  );
  let [rows, columns] = [row.extent, c.n.extent];
  const tasks = () =>
    chunks * extentOf(outer) * Math.ceil(row.extent / rows) * Math.ceil(c.n.extent / columns);
  while (rows * columns > mostResults(target.machine) || tasks() < tasksPerThread * target.machine.threads) {
    const half: readonly [number, number] =
      rows >= columns ? [Math.ceil(rows / 2), columns] : [rows, Math.ceil(columns / 2)];
    if (usesOf(...half) < leastUses) break;
    [rows, columns] = half;
  }
  if (usesOf(rows, columns) < leastUses) return undefined;
  rows = Math.min(row.extent, Math.ceil(rows / height) * height);
  const perChunk = chunks === 1 ? length : Math.ceil(length / chunks / blockSteps) * blockSteps;
  return {
    ...{ row, outer, steps, tiling, rows },
    panels: Math.ceil(columns / width),
    chunks: Math.ceil(length / perChunk),
    perChunk,
    // Blocks of a length: a short last one would read and write all results for little.
    block: Math.ceil(perChunk / Math.max(1, Math.round(perChunk / blockSteps))),
  };
}

/** How often each number of so many rows and columns is used. */
function usesOf(rows: number, columns: number): number {
  return (rows * columns) / (rows + columns);
}

/** Indices of A that may leave its edges. */
function guardsOf({ a }: Contraction): { at: Index; extent: number }[] {
  return a.at.flatMap((at, dimension) => {
    const extent = a.operand.shape[dimension];
    return a.fill !== undefined && leavesEdges(at, extent) ? [{ at, extent }] : [];
  });
}

class OuterProductRenderer {
  private readonly target: CTarget;
  private readonly c: Contraction;
  private readonly layout: Layout;
  private readonly form: Form;
  private readonly columns: number;
  /** Sums that are not finished, [chunks, ...outer, row, n]; undefined where tiles add to the result. */
  private readonly partial: Operand | undefined;

  constructor(target: CTarget, c: Contraction, layout: Layout, form: Form) {
    this.target = target;
    this.c = c;
    this.layout = layout;
    this.form = form;
    const { tiling, row, outer, chunks } = form;
    const last = tiling.groups[tiling.groups.length - 1];
    this.columns = last.from + last.count * last.vectors * tiling.lanes;
    const isPlain = c.part.value === c.sum && chunks === 1 && this.columns === c.n.extent;
    if (!isPlain) {
      const shape = [chunks, ...[...outer, ...row.axes].map((each) => each.extent), this.columns];
      this.partial = { shape };
      target.place(this.partial, "scratch");
    }
  }

  render(): Launch[] {
    const { target, form, c } = this;
    const { row, outer, tiling, chunks } = form;
    // The last panel is copied whole, from beyond the last column, and so is the last vector of rows.
    const last = tiling.groups[tiling.groups.length - 1];
    target.readsBeyond(Math.max(last.vectors * tiling.lanes, target.machine.lanes));
    const panels = last.panel + last.count;
    const rowTasks = Math.ceil(row.extent / form.rows);
    const panelTasks = Math.ceil(panels / form.panels);
    const kernel = new CKernel(target);
    const lines = kernel.body;
    const names = new Map<Axis, string>();
    kernel.digit(panelTasks, "panelTask");
    kernel.digit(rowTasks, "rowTask");
    for (const each of outer.toReversed()) names.set(each, kernel.digit(each.extent, kernel.name("m")));
    kernel.digit(chunks, "chunk");
    lines.push(
      `const long panelFrom = panelTask * ${form.panels}, panelTo = least(panelFrom + ${form.panels}, ${panels});`,
      `const long rowFrom = rowTask * ${form.rows}, rows = least(${form.rows}, ${row.extent} - rowFrom);`,
    );
    const pitch = this.outStep(row);
    lines.push(`real *const out = ${this.outStart(kernel, names)} + rowFrom * ${pitch};`, "(void)chunk;");
    const first = firstColumn(tiling, "panelFrom");
    const end = firstColumn(tiling, "panelTo");
    lines.push(
      `for (long r = 0; r < rows; r++) __builtin_memset(out + r * ${pitch} + ${first}, 0, (${end} - ${first}) * sizeof(real));`,
    );
    this.blocks(kernel, names, pitch);
    const tasks = panelTasks * rowTasks * extentOf(outer) * chunks;
    const launches = [target.launch(kernel, tasks)];
    if (this.partial !== undefined) {
      const part = finishedPart(c, this.partial, [...outer, ...row.axes, c.n]);
      launches.push(renderNest(target, [{ part, layout: this.layout }]));
    }
    return launches;
  }

  /** Block after block of the sum: copies, then tiles. */
  private blocks(kernel: CKernel, names: Map<Axis, string>, pitch: number): void {
    const { form, target, c } = this;
    const { steps, tiling, rows, block } = form;
    const lines = kernel.body;
    const rowPitch = Math.ceil(rows / lineNumbers) * lineNumbers + lineNumbers;
    const copyA = kernel.pointerTo(target.scratch(block * rowPitch, "thread"));
    const width = Math.max(...tiling.groups.map((group) => group.vectors * tiling.lanes));
    const panelNumbers = block * width;
    const copyB = kernel.pointerTo(target.scratch(form.panels * panelNumbers, "thread"));
    const length = steps.reduce((total, { extent }) => total * extent, 1);
    lines.push(
      `const long last = least((chunk + 1) * ${form.perChunk}, ${length});`,
      `for (long from = chunk * ${form.perChunk}; from < last; from += ${block}) {`,
      `const long count = least(${block}, last - from);`,
      "for (long step = 0; step < count; step++) {",
    );
    let at = "(from + step)";
    const stepNames = steps.map(() => kernel.name("k"));
    for (let i = steps.length - 1; i >= 0; i--) {
      lines.push(`const long ${stepNames[i]} = ${i === 0 ? at : `${at} % ${steps[i].extent}`};`);
      at = `(${at} / ${steps[i].extent})`;
      if (steps[i].axes.length === 1) names.set(steps[i].axes[0], stepNames[i]);
    }
    const walked = (table: number) =>
      steps.map(({ factors }, i) => ` + ${stepNames[i]} * ${factors[table]}`).join("");
    const fixed = (linear: Index) =>
      form.outer
        .filter((each) => linear.factorOf(each) !== 0)
        .map((each) => ` + ${names.get(each)} * ${linear.factorOf(each)}`)
        .join("");
    const start = (operand: Operand) => ({ ...target.layoutOf(operand), offset: 0 });
    const [linearA, linearB] = [
      linearIndex(c.a.at, start(c.a.operand)),
      linearIndex(c.b.at, start(c.b.operand)),
    ];
    const startA = `${kernel.pointer(c.a.operand)} + ${linearA.constant} + rowFrom${fixed(linearA)}`;
    const { lanes } = target.machine;
    // Whole vectors: in place of a loop for so few numbers, compilers take an instruction that is slow to begin.
    const copied = `for (long j = 0; j < rows; j += ${lanes}) store_${lanes}(${copyA} + step * ${rowPitch} + j, load_${lanes}(a + j));`;
    lines.push(`const real *const a = ${startA}${walked(0)};`);
    const guards = guardsOf(c);
    if (guards.length > 0) {
      for (const [i, { at: guard }] of guards.entries())
        lines.push(`const long g${i} = ${expressionOf(guard, names)};`);
      const inside = guards.map(({ extent }, i) => `g${i} >= 0 && g${i} < ${extent}`).join(" && ");
      lines.push(
        `if (${inside}) ${copied}`,
        `else __builtin_memset(${copyA} + step * ${rowPitch}, 0, rows * sizeof(real));`,
      );
    } else lines.push(copied);
    lines.push(
      `const real *const b = ${kernel.pointer(c.b.operand)} + ${linearB.constant}${fixed(linearB)}${walked(1)};`,
    );
    for (const group of tiling.groups)
      lines.push(
        panelLoop(group, tiling.lanes),
        ...Array.from(
          { length: group.vectors },
          (_, j) =>
            `store_${tiling.lanes}(${copyB} + (panel - panelFrom) * ${panelNumbers} + step * ${group.vectors * tiling.lanes} + ${j * tiling.lanes}, load_${tiling.lanes}(b + n + ${j * tiling.lanes}));`,
        ),
        "}",
      );
    lines.push("}");
    let ahead: NextBlock | undefined;
    if (steps.length === 1 && guards.length === 0) {
      const [first, end] = ["panelFrom", "panelTo"].map((panel) => firstColumn(tiling, panel));
      const [apartA, apartB] = steps[0].factors;
      const startB = `${kernel.pointer(c.b.operand)} + ${linearB.constant}${fixed(linearB)} + ${first}`;
      const tiles = form.panels * Math.ceil(rows / tiling.groups[0].rows);
      ahead = new NextBlock(
        [
          { start: `${startA} + (from + ${block}) * ${apartA}`, numbers: "rows", most: rows, apart: apartA },
          {
            ...{ start: `${startB} + (from + ${block}) * ${apartB}`, numbers: `${end} - ${first}` },
            ...{ most: form.panels * width, apart: apartB },
          },
        ],
        tiles,
      );
      lines.push(...ahead.declarations());
    }
    for (const group of tiling.groups)
      this.tiles(kernel, group, { copyA, copyB, rowPitch, panelNumbers, pitch, ahead });
    lines.push("}");
  }

  /** The rows of each panel of a group, in tiles. */
  private tiles(
    kernel: CKernel,
    group: ColumnGroup,
    at: {
      copyA: string;
      copyB: string;
      rowPitch: number;
      panelNumbers: number;
      pitch: number;
      ahead: NextBlock | undefined;
    },
  ): void {
    const { form } = this;
    const { lanes } = form.tiling;
    const lines = kernel.body;
    const asks = at.ahead?.asks ?? "nothing";
    const tile = (height: number) => {
      const body = tileBody({
        rows: height,
        deep: 1,
        vectors: group.vectors,
        lanes,
        rowStep: 1,
        deepStep: 0,
        columns: group.vectors * lanes,
        sum: [{ extent: "steps", a: at.rowPitch, b: group.vectors * lanes }],
        pitch: at.pitch,
        deepPitch: 0,
        accumulates: true,
        asks,
        isRest: height < group.rows && form.rows >= wholeToRest * group.rows,
      });
      const name = kernel.independent("__attribute__((noinline)) void", tileArguments({ asks }), body);
      const call = (ahead: string) =>
        `${name}(${at.copyA} + r, ${at.copyB} + (panel - panelFrom) * ${at.panelNumbers}, out + r * ${at.pitch} + n, count, ${ahead});`;
      return at.ahead?.call(call) ?? call("0");
    };
    const { rows: height } = group;
    lines.push(panelLoop(group, form.tiling.lanes), "long r = 0;");
    lines.push(`for (; r + ${height} <= rows; r += ${height}) ${tile(height)}`);
    const rests = new Set([form.rows % height, (form.row.extent % form.rows) % height]);
    rests.delete(0);
    for (const rest of rests) lines.push(`if (rows - r == ${rest}) { ${tile(rest)} r = rows; }`);
    lines.push("}");
  }

  private outStep(row: Run): number {
    if (this.partial !== undefined) return this.columns;
    return linearIndex(this.c.part.at, this.layout).factorOf(row.axes[row.axes.length - 1]);
  }

  private outStart(kernel: CKernel, names: ReadonlyMap<Axis, string>): string {
    const { form, partial, c } = this;
    const { outer, chunks } = form;
    if (partial === undefined) {
      const linear = linearIndex(c.part.at, { ...this.layout, offset: 0 });
      const terms = outer.map((each) => ` + ${names.get(each)} * ${linear.factorOf(each)}`);
      return `${kernel.pointerTo(this.layout)} + ${linear.constant}${terms.join("")}`;
    }
    const { strides } = this.target.layoutOf(partial);
    const terms = [
      ...(chunks > 1 ? [` + chunk * ${strides[0]}`] : []),
      ...outer.map((each, i) => ` + ${names.get(each)} * ${strides[1 + i]}`),
    ];
    return `${kernel.pointer(partial)}${terms.join("")}`;
  }
}

/** An affine index as C. */
function expressionOf(at: Index, names: ReadonlyMap<Axis, string>): string {
  const terms = at.terms.flatMap(({ atom, factor }) =>
    atom.kind === "axis" && names.has(atom) ? [`${names.get(atom)} * ${factor}`] : [],
  );
  return [...terms, String(at.constant)].join(" + ");
}
