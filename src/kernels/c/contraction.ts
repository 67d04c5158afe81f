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
import { scatter } from "../formula.ts";
import { type Axis, axis, extentOf, Index, index } from "../index-expression.ts";
import { contiguousLayout, type Layout, linearIndex } from "../layout.ts";
import {
  type Contraction,
  finishedPart,
  isEpilogue,
  mergeRuns,
  type Run,
  readsAround,
} from "../schedule-contraction.ts";
import type { Access } from "../schedule-nest.ts";
import { type Operand, position, Source, type Value } from "../value.ts";
import { boxLines } from "./box.ts";
import { renderNest } from "./nest.ts";
import { CKernel, type CTarget, type Launch, type Place } from "./target.ts";
import { type ColumnGroup, type SumRun, type Tiling, tileArguments, tileBody, tilingOf } from "./tile.ts";
import { Values } from "./values.ts";

/** Enough tasks to keep the threads of a large machine balanced. */
const enoughTasks = 64;
/** What a box may take of the L2 cache beside B and the result. */
const boxBytes = 128 * 1024;
/** The same where a gradient sums along the box: every block of it reads and writes all sums. */
const sumBoxBytes = 480 * 1024;
/** Rows that B should at least have for packing it to pay: at each run, or once. */
const packingRows = 24;
const packingRowsOnce = 4;
/** Numbers of B that stay in the L2 cache beside what streams through it. */
const acrossNumbers = 48 * 1024;
/** Multiply-adds that a task should have at least: some microseconds. */
const taskMacs = 512 * 1024;
/** Numbers of A and the result that a task without a box should touch. */
const taskElements = 48 * 1024;
/** Numbers of an operand of which not much more fits into the L2 cache. */
const largeNumbers = 112 * 1024;
/** Steps of a sum whose B is read in place, between which results wait in memory. */
const stepsInPlace = 512;
/** Rows of a tile whose lines may collide: an L1 cache has 8 ways or more, of which B and the result take some. */
const waysLeft = 6;
/** A row pitch of this many numbers puts all rows into the same lines of the L1 cache. */
const collision = 1024;

export function renderContraction(
  target: CTarget,
  contraction: Contraction,
  layout: Layout,
  isConstant?: boolean,
): Launch[] | undefined {
  return ContractionRenderer.make(target, contraction, layout, isConstant)?.render();
}

/**
 * Packing launches, and a helper of `kernel` that computes the whole contraction for places of the `given` axes, its
 * arguments, of which B alone depends.
 */
export function renderContractionHelper(
  kernel: CKernel,
  contraction: Contraction,
  layout: Layout,
  given: readonly Axis[],
  isConstant: boolean,
): { packing: readonly Launch[]; helper: string } | undefined {
  const whole = { ...contraction, batch: [...given, ...contraction.batch] };
  return ContractionRenderer.make(kernel.target, whole, layout, isConstant)?.renderWhole(kernel, given);
}

/** Where columns of B lie. */
interface Panels {
  readonly place: Place;
  /** Numbers between places of an axis, in panels of so many columns. */
  readonly factorOf: (axis: Axis, columns: number) => number;
  /** Numbers from one panel to the next, and from the first number to a group's first. */
  readonly step: (group: ColumnGroup) => number;
  readonly start: (group: ColumnGroup) => number;
}

/** Sums that are not finished, one for each chunk of the axes that are walked outside the tile. */
interface Partials {
  readonly operand: Operand;
  readonly layout: Layout;
  readonly axes: readonly Axis[];
  readonly chunks: number;
  readonly perChunk: number;
}

class ContractionRenderer {
  private readonly target: CTarget;
  private readonly c: Contraction;
  private readonly layout: Layout;
  private readonly view: View;
  /** Whether B depends on weights alone, so that it is packed once. */
  private readonly isConstant: boolean;
  private readonly launches: Launch[] = [];
  /** Axes of the sum that are walked outside the tiles. */
  private readonly splits: readonly Axis[];
  /** Whether tiles go on from sums in memory. */
  private readonly accumulates: boolean;
  private readonly tiling: Tiling;
  private readonly panels: Panels;
  /** Whether B is packed into panels, or lies as one. */
  private readonly packs: boolean;
  private readonly isPanel: boolean;
  private readonly partials: Partials | undefined;
  /** Where the tiles' results go: the output, or sums that are not finished. */
  private readonly out: Layout;
  private readonly outFactor: (axis: Axis) => number;
  /** Runs of rows; a box's block is the first. */
  private readonly rows: readonly Run[];
  /** Which run of rows the tiles go along. */
  private readonly along: number;
  /** Runs of the sum; where it is walked in blocks, these are of the first. */
  private readonly sums: readonly Run[];
  /** Steps of the first run of the sum at a time, where they are not all of it. */
  private readonly sumBlock: number | undefined;

  static make(
    target: CTarget,
    c: Contraction,
    layout: Layout,
    isConstant = target.constants.has(c.b.operand),
  ): ContractionRenderer | undefined {
    // Tasks are rows and columns of the result: with many columns, a task may have many rows, for which B is read once.
    const wanted = Math.ceil(enoughTasks / Math.ceil(c.n.extent / (2 * target.machine.lanes)));
    const view = viewOf(c, target.layoutOf(c.a.operand), { boxBytes, sumBoxBytes, enoughTasks: wanted });
    return view && new ContractionRenderer(target, c, layout, view, isConstant);
  }

  private constructor(target: CTarget, c: Contraction, layout: Layout, view: View, isConstant: boolean) {
    this.target = target;
    this.isConstant = isConstant;
    this.c = c;
    this.layout = layout;
    this.view = view;
    const { box } = view;
    this.splits = this.splitAxes();
    const sumInTile = c.k.filter((each) => !this.splits.includes(each));
    const blockInSum = box !== undefined && c.k.includes(box.blocked);
    const linearB = linearIndex(c.b.at, target.layoutOf(c.b.operand));
    const rowCount = extentOf(c.m);
    const isParted = this.splits.length > 0 || blockInSum;
    const steps = extentOf(sumInTile);
    // Columns that lie as panels do need no packing.
    this.isPanel =
      c.n.extent <= 4 * target.machine.lanes &&
      sumInTile.length > 0 &&
      sumInTile.every((each, i) => linearB.factorOf(each) === stepsAfter(sumInTile, i) * c.n.extent);
    const inPlace =
      linearB.factorOf(c.n) === 1 &&
      (isParted ||
        this.isPanel ||
        rowCount < (isConstant ? packingRowsOnce : packingRows) ||
        usesOutside(linearB, sumInTile, c));
    this.packs = !inPlace;
    const isBlocked =
      inPlace && !this.isPanel && !blockInSum && rowCount >= packingRows && steps > 2 * stepsInPlace;
    this.accumulates = isParted || isBlocked;
    const isPlain = isEpilogue(c.part.value, c.sum) && this.epilogueSteps();
    this.partials = this.accumulates || !isPlain ? this.partialSums() : undefined;
    if (this.partials === undefined) {
      const linear = linearIndex(c.part.at, { ...layout, offset: 0 });
      this.out = { ...layout, offset: layout.offset + linear.constant };
      this.outFactor = (each) => linear.factorOf(each);
    } else {
      const { axes, layout: at } = this.partials;
      this.out = at;
      this.outFactor = (each) => (axes.includes(each) ? at.strides[1 + axes.indexOf(each)] : 0);
    }
    const around = this.partials === undefined ? this.readsAround() : [];
    const tables = [
      view.factorOf,
      this.outFactor,
      ...around.map(
        ({ linear }) =>
          (each: Axis) =>
            linear.factorOf(each),
      ),
    ];
    const inRows = c.m.filter((each) => !box?.outside.includes(each) && each !== box?.blocked);
    const merged = mergeRuns(inRows, tables);
    if (box !== undefined && !blockInSum)
      merged.unshift({
        extent: box.block,
        factors: tables.map((table) => table(box.blocked)),
        axes: [box.blocked],
      });
    this.rows = merged;
    this.along = bestRun(merged, box !== undefined && !blockInSum);
    const stretches = this.along > 0 ? merged[this.along - 1].extent : 1;
    this.tiling = tilingOf(c.n.extent, merged[this.along]?.extent ?? 1, stretches, target.machine);
    this.panels = inPlace ? this.panelsInPlace(linearB) : this.packedPanels(linearB, sumInTile);
    const sumTables = [view.factorOf, (each: Axis) => this.panels.factorOf(each, 1)];
    const inSum = mergeRuns(
      sumInTile.filter((each) => !blockInSum || each !== box?.blocked),
      sumTables,
    );
    if (blockInSum)
      inSum.unshift({
        extent: box.block,
        factors: sumTables.map((table) => table(box.blocked)),
        axes: [box.blocked],
      });
    this.sums = inSum;
    const inner = extentOf(inSum.slice(1));
    this.sumBlock = isBlocked
      ? Math.max(1, Math.round(stepsInPlace / inner))
      : blockInSum
        ? box.block
        : undefined;
  }

  render(): Launch[] {
    const kernel = new CKernel(this.target);
    const { c, target, tiling, rows, splits, partials } = this;
    const { box } = this.view;
    const last = tiling.groups[tiling.groups.length - 1];
    const panels = last.panel + last.count;
    const chunks = splits.length === 0 ? 1 : (partials?.chunks ?? 1);
    const outside = c.m.filter((each) => box?.outside.includes(each));
    const blocks = this.blocksRows() && box !== undefined ? Math.ceil(box.blocked.extent / box.block) : 1;
    const perRowTask = box === undefined ? this.rowsPerTask() : (rows[0]?.extent ?? 1);
    const rowTasks = box === undefined ? Math.ceil((rows[0]?.extent ?? 1) / perRowTask) : 1;
    const outer = extentOf([...c.batch, ...outside]);
    const others = outer * blocks * chunks * rowTasks;
    const perShare = Math.ceil(panels / Math.min(panels, Math.max(1, Math.ceil(enoughTasks / others))));
    const shares = Math.ceil(panels / perShare);

    const lines = kernel.body;
    const variables = new Map<Axis, string>();
    kernel.digit(shares, "share");
    kernel.digit(rowTasks, "rowTask");
    kernel.digit(blocks, "block");
    for (const each of outside.toReversed()) variables.set(each, kernel.digit(each.extent, kernel.name("m")));
    kernel.digit(chunks, "chunk");
    for (const each of c.batch.toReversed()) variables.set(each, kernel.digit(each.extent, kernel.name("g")));
    lines.push(
      `const long panelFrom = share * ${perShare}, panelTo = least(panelFrom + ${perShare}, ${panels});`,
    );
    lines.push(`const long rowFrom = rowTask * ${perRowTask};`);
    lines.push(`const long rowTo = least(rowFrom + ${perRowTask}, ${rows[0]?.extent ?? 1});`);
    this.work(kernel, variables);
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
    this.launches.push(target.launch(kernel, Math.ceil(tasks / together)));
    if (partials !== undefined) {
      const part = finishedPart(c, partials.operand, partials.axes);
      this.launches.push(renderNest(target, [{ part, layout: this.layout }]));
    }
    return this.launches;
  }

  /** All rows and columns of all batches at once, as a helper of another kernel. */
  renderWhole(
    kernel: CKernel,
    given: readonly Axis[],
  ): { packing: readonly Launch[]; helper: string } | undefined {
    const { c, rows, tiling } = this;
    if (this.view.box !== undefined || this.partials !== undefined) return undefined;
    const last = tiling.groups[tiling.groups.length - 1];
    const body: string[] = [];
    const variables = new Map<Axis, string>();
    const names = given.map((each) => {
      const name = kernel.name("g");
      variables.set(each, name);
      return name;
    });
    const walked = c.batch.filter((each) => !given.includes(each));
    for (const each of walked) {
      const name = kernel.name("g");
      variables.set(each, name);
      body.push(`for (long ${name} = 0; ${name} < ${each.extent}; ${name}++) {`);
    }
    body.push(`const long chunk = 0, block = 0, panelFrom = 0, panelTo = ${last.panel + last.count};`);
    body.push(`const long rowFrom = 0, rowTo = ${rows[0]?.extent ?? 1};`);
    this.work(kernel, variables, body);
    for (const _ of walked) body.push("}");
    return { packing: this.launches, helper: kernel.helper(body, names) };
  }

  private blocksRows(): boolean {
    const { box } = this.view;
    return box !== undefined && !this.c.k.includes(box.blocked);
  }

  /** The loops of a task, from boxes to tiles. */
  private work(kernel: CKernel, variables: Map<Axis, string>, lines: string[] = kernel.body): void {
    const { c, splits, partials, sums, sumBlock } = this;
    const { box } = this.view;
    lines.push("(void)chunk; (void)block; (void)panelFrom; (void)panelTo; (void)rowFrom; (void)rowTo;");
    if (this.accumulates) this.clear(kernel, lines, variables);
    let depth = 0;
    if (splits.length > 0 && partials !== undefined) {
      // One axis is split: that of the images.
      const name = kernel.name("m");
      variables.set(splits[0], name);
      lines.push(
        `for (long ${name} = chunk * ${partials.perChunk}, end${name} = least(${name} + ${partials.perChunk}, ${splits[0].extent}); ${name} < end${name}; ${name}++) {`,
      );
      depth++;
    }
    if (this.blocksRows() && box !== undefined) {
      lines.push(
        `const long from = block * ${box.block}, count = least(${box.block}, ${box.blocked.extent} - from);`,
      );
      this.fillBox(kernel, lines, variables);
    } else if (sumBlock !== undefined) {
      const extent = box === undefined ? sums[0].extent : box.blocked.extent;
      lines.push(`for (long from = 0; from < ${extent}; from += ${sumBlock}) {`);
      lines.push(`const long count = least(${sumBlock}, ${extent} - from);`);
      depth++;
      if (box !== undefined) this.fillBox(kernel, lines, variables);
    }
    this.tiles(kernel, lines, variables);
    for (let i = 0; i < depth; i++) lines.push("}");
    void c;
  }

  /** Panels, rows, and a tile for each. */
  private tiles(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { c, target, rows, along, sums, sumBlock, tiling, panels } = this;
    const { box } = this.view;
    const { lanes } = tiling;
    const linearA = linearIndex(c.a.at, { ...target.layoutOf(c.a.operand), offset: 0 });
    const a =
      box !== undefined
        ? kernel.pointerTo(this.boxPlace())
        : `${kernel.pointer(c.a.operand)} + ${linearA.constant}`;
    const b = kernel.pointerTo(panels.place);
    const outPointer = kernel.pointerTo(this.out);
    const term = (name: string, factor: number) => (factor === 0 ? "" : ` + ${name} * ${factor}`);
    const outer = [...variables];
    const rowName = (i: number) => `r${i}`;
    const isCopied = this.copiesRows();
    const aRow = isCopied ? sums[0].extent + 16 : (rows[along]?.factors[0] ?? 0);
    const rowTerms = (table: number, skip = -1) =>
      rows.map((run, i) => (i === skip ? "" : term(rowName(i), run.factors[table]))).join("");
    // A box holds what these places of the outer axes need.
    const aStart =
      box !== undefined
        ? a
        : `${a}${outer.map(([each, name]) => term(name, this.view.factorOf(each))).join("")}${sumBlock === undefined ? "" : term("from", sums[0].factors[0])}`;
    const bStart = `${b}${outer.map(([each, name]) => term(name, panels.factorOf(each, 1))).join("")}`;
    const outStart = `${outPointer}${outer.map(([each, name]) => term(name, this.outFactor(each))).join("")}${this.blocksRows() && box !== undefined ? term("from", this.outFactor(box.blocked)) : ""}${this.splits.length > 0 ? term("chunk", this.out.strides[0]) : ""}`;
    if (isCopied) {
      const copy = kernel.pointerTo(this.copyPlace());
      lines.push(
        `for (long r = rowFrom; r < rowTo; r++) __builtin_memcpy(${copy} + (r - rowFrom) * ${aRow}, ${aStart} + r * ${rows[along].factors[0]}, ${4 * sums[0].extent});`,
      );
    }
    for (const group of tiling.groups) {
      const width = group.vectors * lanes;
      const isWhole = group.from + group.count * width <= c.n.extent;
      // The columns of the only panel, where they do not fill it.
      const rest = group.count === 1 && !isWhole ? c.n.extent - group.from : undefined;
      const direct = this.partials !== undefined || c.part.value === c.sum;
      const pitch = rows[along]?.factors[1] ?? 0;
      // The run of rows around that along which tiles go: several places of it may be in one tile.
      const around = group.deep > 1 ? rows[along - 1] : undefined;
      const deepPitch = around?.factors[1] ?? 0;
      const sum = sums.map(
        (run, i): SumRun => ({
          extent: i === 0 && sumBlock !== undefined ? "steps" : run.extent,
          a: run.factors[0],
          b: this.factorB(run, width),
        }),
      );
      const call = (height: number, deep: number, isDirect: boolean) => {
        const tile = {
          rows: height,
          deep,
          vectors: group.vectors,
          lanes,
          rowStep: aRow,
          deepStep: around?.factors[0] ?? 0,
          sum,
          pitch: isDirect ? pitch : width,
          deepPitch: isDirect ? deepPitch : height * width,
          accumulates: this.accumulates,
          asks,
        };
        return kernel.independent("__attribute__((noinline)) void", tileArguments, tileBody(tile));
      };
      const steps = sumBlock === undefined ? "0" : "count";
      const stepsPerTile = sums.reduce((product, run) => product * run.extent, 1);
      // With all of B in the L2 cache, each tile goes along the columns: what the task reads and writes lies in long stretches.
      const isAcross =
        tiling.groups.length === 1 && this.packs && stepsPerTile * group.count * width <= acrossNumbers;
      // Else the tiles of a panel ask for the next one, each for a part.
      const asks: number | "further" =
        !isAcross && (this.packs || this.isPanel)
          ? Math.max(1, Math.ceil(width / this.tilesOf(group)))
          : "further";
      const ahead = asks === "further" ? "0" : "ahead";
      const next = asks === "further" ? "" : ` ahead += ${asks * stepsPerTile};`;
      const eachPanel = (inside: () => void) => {
        lines.push(
          `for (long panel = ${group.panel} > panelFrom ? ${group.panel} : panelFrom, last = least(panelTo, ${group.panel + group.count}); panel < last; panel++) {`,
          `const long n = ${group.from} + (panel - ${group.panel}) * ${width};`,
          `const float *const bPanel = ${bStart}${sumBlock === undefined ? "" : term("from", this.factorB(sums[0], width))} + ${panels.start(group)} + (panel - ${group.panel}) * ${panels.step(group)};`,
        );
        if (asks !== "further") lines.push(`const float *ahead = bPanel + ${width * stepsPerTile};`);
        inside();
        lines.push("}");
      };
      const tileOf = (height: number, deep: number) => {
        const aAt = isCopied
          ? `${kernel.pointerTo(this.copyPlace())} + (${rowName(along)} - rowFrom) * ${aRow}`
          : `${aStart}${rowTerms(0)}`;
        const outAt = `${outStart}${rowTerms(1)} + n`;
        if (direct && isWhole) {
          lines.push(`${call(height, deep, true)}(${aAt}, bPanel, ${outAt}, ${steps}, ${ahead});${next}`);
          return;
        }
        // What the result is added to is on its way while the tile sums.
        const beside = this.partials === undefined ? this.readsAround() : [];
        const fetched = beside.flatMap(({ linear, operand }, i) => {
          const factor = rows[along]?.factors[2 + i] ?? 0;
          if (linear.factorOf(c.n) !== 1 || factor === 0) return [];
          const start = `${kernel.pointer(operand)} + ${linear.constant}${outer.map(([each, name]) => term(name, linear.factorOf(each))).join("")}`;
          const block =
            this.blocksRows() && box !== undefined ? term("from", linear.factorOf(box.blocked)) : "";
          const here = `${start}${block}${rowTerms(2 + i)} + n + d * ${around?.factors[2 + i] ?? 0} + i * ${factor}`;
          return [`__builtin_prefetch(${here});`];
        });
        if (fetched.length > 0)
          lines.push(
            `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) { ${fetched.join(" ")} }`,
          );
        lines.push(`{ float tile[${deep * height * width}] __attribute__((aligned(64)));`);
        const eachRow = `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) {
const float *const sums = tile + (d * ${height} + i) * ${width};
float *const to = ${outAt} + d * ${deepPitch} + i * ${pitch};
(void)to;`;
        if (this.accumulates)
          lines.push(
            eachRow,
            rest === undefined
              ? `for (long j = 0; j < ${width}; j++) ((float *)sums)[j] = n + j < ${c.n.extent} ? to[j] : 0.0f;`
              : `__builtin_memcpy((float *)sums, to, ${4 * rest});`,
            "}",
          );
        lines.push(`${call(height, deep, false)}(${aAt}, bPanel, tile, ${steps}, ${ahead});${next}`);
        if (direct)
          lines.push(
            eachRow,
            rest === undefined
              ? `for (long j = 0; j < ${width} && n + j < ${c.n.extent}; j++) to[j] = sums[j];`
              : `__builtin_memcpy(to, sums, ${4 * rest});`,
            "}",
          );
        else lines.push(...this.finish(kernel, variables, group, { isWhole, rest }, height, deep));
        lines.push("}");
      };
      const tileAt = (height: number, deep: number) =>
        isAcross ? eachPanel(() => tileOf(height, deep)) : tileOf(height, deep);
      /** Tiles along their run, for so many places of the run around it. */
      const rowOfTiles = (deep: number) => {
        const name = rowName(along);
        const [from, to] = this.rangeOf(along, rows[along]);
        const height = group.rows;
        lines.push(`long ${name} = ${from};`);
        lines.push(`for (; ${name} + ${height} <= ${to}; ${name} += ${height}) {`);
        tileAt(height, deep);
        lines.push("}");
        const rest = rows[along].extent % height;
        if (rest > 0) {
          lines.push(`if (${name} + ${rest} == ${to}) {`);
          tileAt(rest, deep);
          lines.push(`${name} = ${to};`, "}");
        }
        if (this.isStretched(along) && height > 1) {
          lines.push(`for (; ${name} < ${to}; ${name}++) {`);
          tileAt(1, deep);
          lines.push("}");
        }
      };
      // The run around the tiles' own comes last, so that several of its places can be in a tile.
      const order = rows.flatMap((run, i) => (i === along || run === around ? [] : [i]));
      if (around !== undefined) order.push(along - 1);
      const loops = ([i, ...inner]: readonly number[]) => {
        if (i === undefined) {
          rowOfTiles(1);
          return;
        }
        const name = rowName(i);
        const [from, to] = this.rangeOf(i, rows[i]);
        lines.push(`for (long ${name} = ${from}; ${name} < ${to};) {`);
        if (rows[i] === around) {
          lines.push(`if (${name} + ${group.deep} <= ${to}) {`);
          rowOfTiles(group.deep);
          lines.push(`${name} += ${group.deep}; continue;`, "}");
        }
        loops(inner);
        lines.push(`${name}++;`, "}");
      };
      const all = () => {
        lines.push("{");
        if (rows[along] === undefined) tileAt(1, 1);
        else loops(order);
        lines.push("}");
      };
      if (isAcross) all();
      else eachPanel(all);
    }
  }

  /** Lines that store a tile with what stands around its sums, vector by vector: what columns share is read once for all rows. */
  private finish(
    kernel: CKernel,
    variables: ReadonlyMap<Axis, string>,
    group: ColumnGroup,
    { isWhole, rest }: { isWhole: boolean; rest: number | undefined },
    height: number,
    deep: number,
  ): readonly string[] {
    const { c, rows, along, tiling } = this;
    const { box } = this.view;
    const { lanes } = tiling;
    const width = group.vectors * lanes;
    const reads = this.readsAround();
    const accesses = new Map<Value, Access>();
    // The runs of rows are the axes here, and what is fixed in a task.
    const runs = rows.map((run, i) => axis(`r${i}`, run.extent));
    const fixed = [...variables.keys()];
    const linearOf = (constant: number, factorOf: (axis: Axis) => number, table: number) => {
      let linear = index(constant);
      runs.forEach((run, i) => {
        linear = linear.plus(new Index([{ atom: run, factor: rows[i].factors[table] }], 0));
      });
      for (const each of [...fixed, c.n])
        if (factorOf(each) !== 0)
          linear = linear.plus(new Index([{ atom: each, factor: factorOf(each) }], 0));
      return new Index(
        linear.terms.filter(({ factor }) => factor !== 0),
        linear.constant,
      );
    };
    for (const [i, { value, linear, operand }] of reads.entries())
      accesses.set(value, {
        operand,
        layout: this.target.layoutOf(operand),
        linear: linearOf(linear.constant, (each) => linear.factorOf(each), 2 + i),
        guards: [],
        fill: 0,
      });
    const values = new Values(kernel, { accesses, counters: new Map(), reductions: new Map() });
    runs.forEach((run, i) => {
      // A box's block begins at `from`.
      const start = i === 0 && box !== undefined && this.blocksRows() ? "from + " : "";
      const within = i === along ? " + i" : i === along - 1 ? " + d" : "";
      values.setAxis(run, `(${start}r${i}${within})`);
    });
    for (const [each, name] of variables) values.setAxis(each, name);
    values.setAxis(c.n, "column");
    const rowAxes = runs.filter((_, i) => i === along || i === along - 1);
    values.give(c.sum, (wide) => `load_${wide}(sums + column - n)`, [c.n, ...rowAxes]);
    const eachRow = (inside: () => void) => {
      const row = `const float *const sums = tile + (d * ${height} + i) * ${width};`;
      const loops = `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) {`;
      if (rowAxes.length > 0) values.scoped(rowAxes, `${loops}\n${row}`, inside);
      else inside();
    };
    if (rowAxes.length === 0) values.line("const float *const sums = tile;");
    const store = () =>
      values.store(c.part.value, linearOf(0, this.outFactor, 1), kernel.pointerTo(this.out));
    if (isWhole) {
      const starts = Array.from({ length: group.vectors }, (_, j) => `n + ${j * lanes}`);
      values.vectorsAt(c.n, lanes, starts, () => eachRow(store));
    } else if (rest !== undefined) {
      // As many of the widest vectors as there are, then narrower ones.
      for (let at = 0, wide = lanes; at < rest; at += wide) {
        while (wide > rest - at) wide = (wide / 2) as typeof wide;
        values.vectorsAt(c.n, wide, [`n + ${at}`], () => eachRow(store));
      }
    } else
      eachRow(() =>
        values.vectorLoop(c.n, lanes, store, { from: "n", to: `least(n + ${width}, ${c.n.extent})` }),
      );
    return values.lines;
  }

  /** First place and end of a run of rows in a task. */
  private rangeOf(run: number, { extent }: Run): [string, string] {
    if (this.view.box === undefined && run === 0) return ["rowFrom", "rowTo"];
    if (run === 0 && this.blocksRows()) return ["0", "count"];
    return ["0", String(extent)];
  }

  /** Whether a task may have a stretch of a run that tiles do not divide. */
  private isStretched(run: number): boolean {
    return run === 0 && this.blocksRows();
  }

  private factorB(run: Run, width: number): number {
    return this.panels.factorOf(run.axes[run.axes.length - 1], width);
  }

  /** Tiles of a panel in a task. */
  private tilesOf({ rows: height, deep }: ColumnGroup): number {
    const { rows, along } = this;
    return rows.reduce((total, { extent }, i) => {
      const places = i > 0 || this.view.box !== undefined ? extent : this.rowsPerTask();
      if (i === along) return total * Math.ceil(places / height);
      return total * (i === along - 1 ? Math.ceil(places / deep) : places);
    }, 1);
  }

  /** Rows of the first run for one task, without a box. */
  private rowsPerTask(): number {
    const { rows, along, c, tiling } = this;
    const [run] = rows;
    if (run === undefined) return 1;
    const inner = extentOf(rows.slice(1));
    const steps = extentOf(c.k);
    const panels = Math.ceil(c.n.extent / (2 * tiling.lanes));
    // B is read once for the rows of a task: where it does not fit into the L2 cache beside them, these are as many as do.
    const isLarge = Math.min(steps, 4096) * c.n.extent > largeNumbers;
    const most = isLarge ? largeNumbers / Math.min(steps, 4096) : taskElements / (steps + c.n.extent);
    const batches = extentOf(c.batch);
    const balanced = (run.extent * batches * (isLarge ? panels : 1)) / enoughTasks;
    const wanted = this.accumulates ? run.extent / 8 : Math.min(most / inner, balanced);
    const multiple = along === 0 ? Math.max(...tiling.groups.map((group) => group.rows)) : 1;
    const isCommon = along !== 0 || tiling.groups.every((group) => group.rows === multiple);
    // Tiles of different heights share only stretches that all divide.
    const step = isCommon
      ? multiple
      : tiling.groups.reduce((product, { rows: each }) => lcm(product, each), 1);
    return Math.min(run.extent, Math.max(1, Math.ceil(wanted / step)) * step);
  }

  /** Whether rows are copied further apart. */
  private copiesRows(): boolean {
    const { rows, sums, along } = this;
    if (this.view.box !== undefined || this.accumulates || rows.length !== 1 || sums.length !== 1)
      return false;
    return (
      along === 0 &&
      rows[0].factors[0] % collision === 0 &&
      sums[0].factors[0] === 1 &&
      this.tiling.groups.some((group) => group.rows > waysLeft)
    );
  }

  private copy: Place | undefined;
  private copyPlace(): Place {
    this.copy ??= this.target.scratch(this.rowsPerTask() * (this.sums[0].extent + 16), "thread");
    return this.copy;
  }

  private box: Place | undefined;
  private boxPlace(): Place {
    const elements = this.view.box?.extents.reduce((x, y) => x * y, 1) ?? 0;
    this.box ??= this.target.scratch(elements, "thread");
    return this.box;
  }

  /** Copies the part of A that the block from `from` needs, of `count` places, into the box. */
  private fillBox(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { box } = this.view;
    if (box !== undefined) lines.push(...boxLines(kernel, this.c, box, this.boxPlace(), variables));
  }

  /** Zeros where tiles will add. */
  private clear(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { c, rows, tiling, splits } = this;
    const { lanes, groups } = tiling;
    const first = groups[0];
    const columnOf = (panel: string) =>
      groups
        .map(({ from, panel: start, vectors }, i) => {
          const at = `${from} + (${panel} - ${start}) * ${vectors * lanes}`;
          return i === groups.length - 1 ? `(${at})` : `${panel} < ${start + groups[i].count} ? ${at} : `;
        })
        .join("");
    void first;
    lines.push(
      `{ const long nFrom = least(${columnOf("panelFrom")}, ${c.n.extent}), nTo = panelTo == ${groups[groups.length - 1].panel + groups[groups.length - 1].count} ? ${c.n.extent} : least(${columnOf("panelTo")}, ${c.n.extent});`,
    );
    rows.forEach((run, i) => {
      const [from, to] =
        this.view.box === undefined && i === 0 ? ["rowFrom", "rowTo"] : ["0", String(run.extent)];
      lines.push(`for (long r${i} = ${from}; r${i} < ${to}; r${i}++) {`);
    });
    const terms = [
      ...rows.map((run, i) => ` + r${i} * ${run.factors[1]}`),
      ...[...variables].map(([each, name]) => ` + ${name} * ${this.outFactor(each)}`),
      ...(splits.length > 0 ? [` + chunk * ${this.out.strides[0]}`] : []),
    ].join("");
    lines.push(`__builtin_memset(${kernel.pointerTo(this.out)}${terms} + nFrom, 0, 4 * (nTo - nFrom));`);
    lines.push(...rows.map(() => "}"));
    lines.push("}");
  }

  private splitAxes(): Axis[] {
    const { c } = this;
    const { box } = this.view;
    if (box !== undefined) return c.k.filter((each) => box.outside.includes(each));
    const total = extentOf(c.k);
    const linear = linearIndex(c.b.at, this.target.layoutOf(c.b.operand));
    const outputs = extentOf(c.part.axes);
    // With many results the tasks are parts of the result; with few, parts of the sum.
    const isLong = total > 8192 && outputs < 256 * 1024;
    return c.k.length > 1 && isLong && linear.factorOf(c.n) === 1 ? [c.k[0]] : [];
  }

  /** Whether each read around the sum steps along columns as a vector can follow. */
  private epilogueSteps(): boolean {
    return this.readsAround().every(({ linear }) => [0, 1].includes(linear.factorOf(this.c.n)));
  }

  private readsAround(): { value: Value; operand: Operand; linear: Index }[] {
    const { part, sum } = this.c;
    return readsAround(part.value, sum).flatMap((value) => {
      const { node } = value;
      if (node.kind !== "read") return [];
      const linear = linearIndex(node.at, { ...this.target.layoutOf(node.operand), offset: 0 });
      return [{ value, operand: node.operand, linear }];
    });
  }

  private panelsInPlace(linear: Index): Panels {
    const { buffer } = this.target.layoutOf(this.c.b.operand);
    const { lanes } = this.tiling;
    return {
      place: { buffer, offset: linear.constant },
      factorOf: (each) => linear.factorOf(each),
      step: ({ vectors }) => vectors * lanes,
      start: ({ from }) => from,
    };
  }

  private packedPanels(linear: Index, sumInTile: readonly Axis[]): Panels {
    const { c, target } = this;
    const { lanes, groups } = this.tiling;
    const steps = extentOf(sumInTile);
    const last = groups[groups.length - 1];
    const width = last.from + last.count * last.vectors * lanes;
    const order = c.batch.filter((each) => linear.factorOf(each) !== 0);
    const batches = extentOf(order);
    const constant = this.isConstant;
    const place = constant ? target.kept(batches * width * steps) : target.scratch(batches * width * steps);
    const source = new Source(c.b.operand);
    for (const { from, count, vectors } of groups) {
      const columns = vectors * lanes;
      const extents = [
        ...order.map((each) => each.extent),
        count,
        ...sumInTile.map((each) => each.extent),
        columns,
      ];
      const strides = [...contiguousLayout(0, extents).strides];
      // Panels of one batch lie together, group after group.
      for (let i = order.length - 1, stride = width * steps; i >= 0; i--) {
        strides[i] = stride;
        stride *= order[i].extent;
      }
      const packed: Layout = { buffer: place.buffer, offset: place.offset + from * steps, strides };
      const part = scatter(extents, (...axes) => {
        const column = index(axes[order.length])
          .times(columns)
          .plus(axes[axes.length - 1])
          .plus(from);
        const replacement = new Map<Axis, Index>([[c.n, column]]);
        for (const [i, each] of order.entries()) replacement.set(each, index(axes[i]));
        for (const [i, each] of sumInTile.entries()) replacement.set(each, index(axes[order.length + 1 + i]));
        const at = c.b.at.map((each) => each.substitute(replacement));
        // Columns beyond the last are zeros; an index of B may hold more than the column, so it is the column that is asked.
        const isWhole = from + count * columns <= c.n.extent;
        const read = isWhole
          ? source.at(...at)
          : position(column)
              .less(c.n.extent)
              .select(source.at(...at), 0);
        return { at: axes.map(index), value: read };
      });
      this.launches.push(renderNest(target, [{ part, layout: packed }], constant));
    }
    const strideOf = new Map<Axis, number>();
    let stride = 1;
    for (const each of sumInTile.toReversed()) {
      strideOf.set(each, stride);
      stride *= each.extent;
    }
    const batchStrides = new Map<Axis, number>();
    for (let i = order.length - 1, batch = width * steps; i >= 0; i--) {
      batchStrides.set(order[i], batch);
      batch *= order[i].extent;
    }
    return {
      place,
      factorOf: (each, columns) => batchStrides.get(each) ?? (strideOf.get(each) ?? 0) * columns,
      step: ({ vectors }) => vectors * lanes * steps,
      start: ({ from }) => from * steps,
    };
  }

  /** Memory for sums that are not finished, one for each chunk of the split axes. */
  private partialSums(): Partials {
    const { c, target, splits } = this;
    const axes = c.part.axes.filter((each) => each.extent > 1);
    const size = extentOf(axes);
    const length = extentOf(splits);
    // As many chunks as keep threads busy, as long as their results stay small beside the work.
    const most = Math.max(1, Math.min(16, length, Math.floor((8 * 1024 * 1024) / (4 * size))));
    const perChunk = Math.ceil(length / most);
    const chunks = Math.ceil(length / perChunk);
    const operand: Operand = { shape: [chunks, ...axes.map((each) => each.extent)] };
    return { operand, layout: target.place(operand, "scratch"), axes, chunks, perChunk };
  }
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

/** Whether B depends on axes of the sum outside the tile: then no single packing serves. */
function usesOutside(linear: Index, sumInTile: readonly Axis[], c: Contraction): boolean {
  return c.k.some((each) => !sumInTile.includes(each) && linear.factorOf(each) !== 0);
}

/** Steps of the sum between neighbours of its axis i. */
function stepsAfter(axes: readonly Axis[], i: number): number {
  return extentOf(axes.slice(i + 1));
}

function lcm(a: number, b: number): number {
  const gcd = (x: number, y: number): number => (y === 0 ? x : gcd(y, x % y));
  return (a / gcd(a, b)) * b;
}
