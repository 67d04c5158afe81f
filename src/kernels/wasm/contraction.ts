/**
 * Renders sums of products: direct, without im2col.
 *
 * A register tile holds up to 6 rows by 8 columns of the result in 12 vectors, and runs the whole sum in one loop: V8
 * keeps accumulators in registers only in a function with a single loop. Each step loads 8 columns of B, and of A one
 * number a row, spread over the lanes; rows are constant distances apart, so they cost no address arithmetic. Where the
 * sum runs over several axes of A (r, s, c of a convolution), a table gives the offset of each stretch of steps.
 *
 * B is packed once per run into panels of 8 columns, unless it already lies like that and few rows use it. Where A has
 * edges (padding), each task first copies the part of A it needs into a box of its own, with the fill around it, sized for
 * the L1 or L2 cache: the tile never asks where the edge is. The gradient of a weight sums over the images: images are
 * split into a number of chunks that depends on shapes alone, chunks into results of their own, and these are added in
 * order, so the result does not depend on threads.
 */

import type { Part } from "../formula.ts";
import { scatter } from "../formula.ts";
import { type Axis, type Index, index } from "../index-expression.ts";
import { contiguousLayout, type Layout, linearIndex } from "../layout.ts";
import { asContraction, type Contraction, isEpilogue, mergeRuns, type Run } from "../schedule-contraction.ts";
import { replaceValue } from "../split-reduction.ts";
import { type Operand, Source, sum as sumOver, type Value } from "../value.ts";
import { FunctionBuilder, type Local } from "./assembler.ts";
import { renderNest } from "./nest.ts";
import type { Launch, Target } from "./target.ts";
import { emitElementwise } from "./values.ts";

/** Rows and columns of a register tile: 12 accumulators, two vectors of B and one of A fill the 16 registers of x86. */
const tileRows = 6;
const tileColumns = 8;
/** What a box may take of the L1 cache beside B and the result. */
const boxBytes = 20 * 1024;
/** Enough tasks to keep threads balanced. */
const enoughTasks = 16;

/** The launches that compute a part, or undefined where it is no contraction. */
export function renderContraction(target: Target, part: Part, layout: Layout): Launch[] | undefined {
  const contraction = asContraction(part, layout, (operand) => target.layoutOf(operand));
  if (contraction === undefined) return undefined;
  return new ContractionRenderer(target, contraction, layout).render();
}

/** Where numbers of A are read from: A itself, or a box copied from it. */
interface View {
  readonly factorOf: (axis: Axis) => number;
  /** Undefined where A is read in place. */
  readonly box: Box | undefined;
}

interface Box {
  /** Extents of the copy along A's dimensions. */
  readonly extents: readonly number[];
  /** The axis that tasks, or steps of the sum, go along in blocks; `block` places each. */
  readonly blocked: Axis;
  readonly block: number;
  /** Axes of A's outermost dimension, outside the box. */
  readonly outside: readonly Axis[];
}

class ContractionRenderer {
  private readonly target: Target;
  private readonly c: Contraction;
  private readonly layout: Layout;
  private readonly launches: Launch[] = [];

  constructor(target: Target, contraction: Contraction, layout: Layout) {
    this.target = target;
    this.c = contraction;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { c, target } = this;
    const view = this.view();
    if (view === undefined) return undefined;
    const { box } = view;
    // Axes of the sum outside the tile's own loop: results are kept in memory between its passes.
    const splits = this.splitAxes(view);
    const sumInTile = c.k.filter((each) => !splits.includes(each));
    const plainEpilogue = isEpilogue(c.part.value, c.sum) && this.epilogueSteps();
    const parted = splits.length > 0 || (box?.blocked !== undefined && c.k.includes(box.blocked));
    const b = this.panels(sumInTile, view, parted);
    const result = parted || !plainEpilogue ? this.partials(splits) : undefined;
    const generator = new TileLoops(target, c, this.layout, view, b, sumInTile, splits, result, parted);
    this.launches.push(generator.render());
    if (result !== undefined) this.launches.push(this.combine(result));
    return this.launches;
  }

  /** How A is read: in place where it has no edges, else through a box. */
  private view(): View | undefined {
    const { c, target } = this;
    const layout = target.layoutOf(c.a.operand);
    const linear = linearIndex(c.a.at, layout);
    const hasEdges =
      c.a.fill !== undefined &&
      c.a.at.some((at, dimension) => {
        const [low, high] = at.range();
        return low < 0 || high >= c.a.operand.shape[dimension];
      });
    if (!hasEdges) return { factorOf: (each) => linear.factorOf(each), box: undefined };
    // A box has the form of an image: [n, h, w, c], one image at a time, rows in blocks, channels contiguous.
    if (c.a.at.length !== 4 || c.a.fill !== 0 || layout.strides[3] !== 1) return undefined;
    const [image, vertical, horizontal, channels] = c.a.at;
    if (leaves(channels, c.a.operand.shape[3]) || leaves(image, c.a.operand.shape[0])) return undefined;
    if (image.constant !== 0 || image.terms.length > 1 || (image.terms[0]?.factor ?? 1) !== 1)
      return undefined;
    const outside = [...axesOf(image)];
    if (outside.some((each) => c.a.at.slice(1).some((at) => at.factorOf(each) !== 0))) return undefined;
    if ([vertical, horizontal, channels].some((at) => at.terms.some((term) => term.factor < 0)))
      return undefined;
    const candidates = [...axesOf(vertical)].filter((each) => !c.batch.includes(each));
    const blocked = candidates.sort(
      (x, y) => y.extent - x.extent || Number(c.k.includes(x)) - Number(c.k.includes(y)),
    )[0];
    if (blocked === undefined || [horizontal, channels].some((at) => at.factorOf(blocked) !== 0))
      return undefined;
    const batchFree = (at: Index) => span(at, (each) => c.batch.includes(each));
    const [width, depth] = [batchFree(horizontal), batchFree(channels)];
    const step = vertical.factorOf(blocked);
    const rowsBeside = span(vertical, (each) => c.batch.includes(each) || each === blocked);
    const rowBytes = 4 * width * depth;
    const sumIsBlocked = c.k.includes(blocked);
    let block = Math.max(1, Math.floor((boxBytes / rowBytes - rowsBeside) / step) + 1);
    // Enough blocks for all threads where images alone are too few.
    const images = outside.reduce((product, each) => product * each.extent, 1);
    if (!sumIsBlocked && images < enoughTasks)
      block = Math.min(block, Math.ceil(blocked.extent / (enoughTasks / images)));
    block = Math.min(block, blocked.extent);
    // Equal blocks: as many as there must be, each as small as it can be.
    block = Math.ceil(blocked.extent / Math.ceil(blocked.extent / block));
    const extents = [1, (block - 1) * step + rowsBeside, width, depth];
    const strides = [0, width * depth, depth, 1];
    const factorOf = (each: Axis) =>
      outside.includes(each) ? 0 : c.a.at.reduce((total, at, d) => total + at.factorOf(each) * strides[d], 0);
    return { factorOf, box: { extents, blocked, block, outside } };
  }

  /** Axes of the sum that are walked outside the tile. */
  private splitAxes({ box }: View): Axis[] {
    const { c } = this;
    if (box !== undefined) return c.k.filter((each) => box.outside.includes(each));
    const total = c.k.reduce((product, each) => product * each.extent, 1);
    const alongColumns = linearIndex(c.b.at, this.target.layoutOf(c.b.operand)).factorOf(c.n) === 1;
    return c.k.length > 1 && total > 8192 && alongColumns ? [c.k[0]] : [];
  }

  /** Whether each read of the epilogue steps along rows and columns as a tile can follow. */
  private epilogueSteps(): boolean {
    let fine = true;
    const see = (value: Value) => {
      if (value === this.c.sum) return;
      const { node } = value;
      if (node.kind === "read") {
        const factor = linearIndex(node.at, this.target.layoutOf(node.operand)).factorOf(this.c.n);
        fine &&= factor === 0 || factor === 1;
      }
      if (node.kind === "unary") see(node.a);
      if (node.kind === "binary" || node.kind === "compare") for (const each of [node.a, node.b]) see(each);
      if (node.kind === "select") for (const each of [node.condition, node.a, node.b]) see(each);
    };
    see(this.c.part.value);
    return fine;
  }

  /** B in panels of eight columns, packed by a kernel of its own; or as it lies. */
  private panels(sumInTile: readonly Axis[], view: View, parted: boolean): Panels {
    const { c, target } = this;
    const layout = target.layoutOf(c.b.operand);
    const linear = linearIndex(c.b.at, layout);
    const inPlace: Panels = {
      address: target.address({ ...layout, offset: 0 }) + 4 * linear.constant,
      factorOf: (each) => linear.factorOf(each),
      panelFactor: tileColumns,
      packed: false,
    };
    const rows = c.m.reduce((product, each) => product * each.extent, 1);
    if (linear.factorOf(c.n) === 1 && (parted || rows < 4 * tileRows || usesOutside(linear, sumInTile, c)))
      return inPlace;
    const blocks = Math.ceil(c.n.extent / tileColumns);
    const order = [...c.batch.filter((each) => linear.factorOf(each) !== 0)];
    const extents = [
      ...order.map((each) => each.extent),
      blocks,
      ...sumInTile.map((each) => each.extent),
      tileColumns,
    ];
    const packed: Operand = { shape: extents };
    const packedLayout = { ...contiguousLayout(0, extents), offset: 0 };
    const address = target.scratch(4 * extents.reduce((a, b) => a * b, 1));
    const placed = { ...packedLayout, offset: (address - target.map.bases[0]) / 4 };
    target.layouts.set(packed, placed);
    const source = new Source(c.b.operand);
    const isWhole = c.n.extent % tileColumns === 0;
    const part = scatter(extents, (...axes) => {
      const column = index(axes[order.length])
        .times(tileColumns)
        .plus(axes[axes.length - 1]);
      const replacement = new Map<Axis, Index>([[c.n, column]]);
      for (const [i, each] of order.entries()) replacement.set(each, index(axes[i]));
      for (const [i, each] of sumInTile.entries()) replacement.set(each, index(axes[order.length + 1 + i]));
      const at = c.b.at.map((each) => each.substitute(replacement));
      return { at: axes.map(index), value: isWhole ? source.at(...at) : source.padded(0, ...at) };
    });
    this.launches.push(renderNest(target, [{ part, layout: placed }]));
    const strides = new Map<Axis, number>();
    for (const [i, each] of order.entries()) strides.set(each, packedLayout.strides[i]);
    for (const [i, each] of sumInTile.entries())
      strides.set(each, packedLayout.strides[order.length + 1 + i]);
    return {
      address,
      factorOf: (each) => strides.get(each) ?? 0,
      panelFactor: packedLayout.strides[order.length],
      packed: true,
    };
  }

  /** Memory for sums that are not finished, one for each chunk of the split axes. */
  private partials(splits: readonly Axis[]): Partials {
    const { c, target } = this;
    const axes = c.part.axes.filter((each) => each.extent > 1);
    const size = axes.reduce((product, each) => product * each.extent, 1);
    const length = splits.reduce((product, each) => product * each.extent, 1);
    // As many chunks as keep threads busy, as long as their results stay small beside the work.
    const most = Math.max(1, Math.min(enoughTasks, length, Math.floor((8 * 1024 * 1024) / (4 * size))));
    const perChunk = Math.ceil(length / most);
    const chunks = Math.ceil(length / perChunk);
    const shape = [chunks, ...axes.map((each) => each.extent)];
    const operand: Operand = { shape };
    const address = target.scratch(4 * chunks * size);
    const layout = contiguousLayout(0, shape, (address - target.map.bases[0]) / 4);
    target.layouts.set(operand, layout);
    return { operand, layout, axes, chunks, perChunk, address };
  }

  /** Adds the chunks in order and computes what stands around the sum. */
  private combine({ operand, axes, chunks }: Partials): Launch {
    const { c, target } = this;
    const source = new Source(operand);
    const total = sumOver([chunks], (g) => source.at(g, ...axes));
    const value = replaceValue(c.part.value, c.sum, total);
    return renderNest(target, [{ part: { ...c.part, value }, layout: this.layout }]);
  }
}

interface Panels {
  /** Byte address of the first element. */
  readonly address: number;
  readonly factorOf: (axis: Axis) => number;
  /** Elements from one block of eight columns to the next. */
  readonly panelFactor: number;
  readonly packed: boolean;
}

interface Partials {
  readonly operand: Operand;
  readonly layout: Layout;
  readonly axes: readonly Axis[];
  readonly chunks: number;
  readonly perChunk: number;
  readonly address: number;
}

/** The loops of one task around the register tile. */
class TileLoops {
  private readonly f: FunctionBuilder;
  private readonly variables = new Map<Axis, Local>();
  private readonly tiles = new Map<string, number>();
  /** Runs of rows that lie inside the box or A, outermost first; the last is what tiles go along. */
  private readonly rows: Run[];
  private readonly steps: Run[];
  private readonly unroll: number;
  private readonly chunkTable: number;
  private readonly uniform: { a: number; b: number } | undefined;
  private readonly epilogueReads: { value: Value; linear: Index; address: number }[] = [];
  private readonly written: Index;
  private readonly outAddress: number;
  private readonly boxAddress: Local | undefined;

  private readonly target: Target;
  private readonly c: Contraction;
  private readonly view: View;
  private readonly b: Panels;
  private readonly splits: readonly Axis[];
  private readonly partials: Partials | undefined;
  private readonly accumulates: boolean;

  constructor(
    target: Target,
    c: Contraction,
    layout: Layout,
    view: View,
    b: Panels,
    sumInTile: readonly Axis[],
    splits: readonly Axis[],
    partials: Partials | undefined,
    accumulates: boolean,
  ) {
    this.target = target;
    this.c = c;
    this.view = view;
    this.b = b;
    this.splits = splits;
    this.partials = partials;
    this.accumulates = accumulates;
    this.f = target.kernel();
    if (partials === undefined) {
      this.written = linearIndex(c.part.at, layout);
      this.outAddress = target.address({ ...layout, offset: 0 });
    } else {
      const strides = partials.layout.strides;
      let written = index(0);
      for (const [i, each] of partials.axes.entries())
        written = written.plus(index(each).times(strides[i + 1]));
      this.written = written;
      this.outAddress = partials.address;
    }
    this.collectEpilogueReads();
    const inBox = (each: Axis) =>
      view.box === undefined || (!view.box.outside.includes(each) && each !== view.box.blocked);
    const tables = [
      view.factorOf,
      (each: Axis) => this.written.factorOf(each),
      ...this.epilogueReads.map(
        ({ linear }) =>
          (each: Axis) =>
            linear.factorOf(each),
      ),
    ];
    this.rows = mergeRuns(c.m.filter(inBox), tables);
    const blockedInSum = view.box !== undefined && sumInTile.includes(view.box.blocked);
    // A blocked axis of the sum comes first, so that its share of the table is a prefix.
    const order = blockedInSum
      ? [view.box.blocked, ...sumInTile.filter((each) => each !== view.box?.blocked)]
      : sumInTile;
    this.steps = mergeRuns(blockedInSum ? order.slice(1) : order, [view.factorOf, b.factorOf]);
    if (this.steps.length === 0) this.steps.push({ extent: 1, factors: [0, 0], axes: [] });
    const last = this.steps[this.steps.length - 1];
    // Offsets within a stretch are immediates of the instructions, which cannot be negative.
    this.unroll = last.factors.some((factor) => factor < 0) ? 1 : unrollFor(last.extent);
    const table = this.offsets(blockedInSum && view.box ? view.box : undefined);
    this.uniform = isUniform(table) ? { a: table[1].a - table[0].a, b: table[1].b - table[0].b } : undefined;
    if (table.length === 1) this.uniform = { a: 0, b: 0 };
    this.chunkTable =
      this.uniform !== undefined ? 0 : target.table(table.flatMap(({ a, b: offset }) => [4 * a, 4 * offset]));
    this.boxAddress = view.box === undefined ? undefined : this.f.local("i32");
  }

  render(): Launch {
    const { f, c, view, partials, splits } = this;
    const { box } = view;
    const blockInRows = box !== undefined && c.m.includes(box.blocked);
    const columns = Math.ceil(c.n.extent / tileColumns);
    const chunks = partials === undefined || splits.length === 0 ? 1 : partials.chunks;
    const outsideRows = c.m.filter((each) => box?.outside.includes(each));
    const blocks = blockInRows && box !== undefined ? Math.ceil(box.blocked.extent / box.block) : 1;
    // Rows of the outermost run are shared out where no box does it.
    const [firstRun] = this.rows;
    const shareRows = box === undefined && firstRun !== undefined && !this.accumulates;
    const perRowTask = shareRows ? this.rowsPerTask(firstRun) : 0;
    const rowTasks = shareRows ? Math.ceil(firstRun.extent / perRowTask) : 1;
    const before =
      [...c.batch, ...outsideRows].reduce((product, each) => product * each.extent, 1) *
      blocks *
      chunks *
      rowTasks;
    const columnShares = Math.min(columns, Math.max(1, Math.ceil(enoughTasks / before)));
    const columnsPerTask = Math.ceil(columns / columnShares);
    const shares = Math.ceil(columns / columnsPerTask);

    // Which share of everything this task is.
    const rest = f.local("i32");
    f.get(f.parameter(0)).set(rest);
    const take = (extent: number): Local => {
      const variable = f.local("i32");
      if (extent === 1) return (f.i32(0).set(variable), variable);
      f.get(rest).i32(extent).op("i32.rem_u").set(variable);
      f.get(rest).i32(extent).op("i32.div_u").set(rest);
      return variable;
    };
    const share = take(shares);
    const rowTask = take(rowTasks);
    const blockTask = take(blocks);
    for (const each of [...outsideRows].reverse()) this.variables.set(each, take(each.extent));
    const chunk = take(chunks);
    for (const each of [...c.batch].reverse()) this.variables.set(each, take(each.extent));

    const [fromColumn, toColumn] = [f.local("i32"), f.local("i32")];
    f.get(share).i32(columnsPerTask).op("i32.mul").set(fromColumn);
    this.minimum(() => f.get(fromColumn).i32(columnsPerTask).op("i32.add"), columns, toColumn);
    if (this.boxAddress !== undefined && box !== undefined) {
      // Each thread has a box of its own.
      const bytes = Math.ceil((4 * box.extents.reduce((x, y) => x * y, 1) + 64) / 64) * 64;
      const address = this.target.perThread(bytes);
      f.get(f.parameter(1)).i32(bytes).op("i32.mul").i32(address).op("i32.add").set(this.boxAddress);
    }
    if (this.accumulates) this.clear(chunk, fromColumn, toColumn);
    const inside = () => {
      const rowRange: [Local | number, Local | number] =
        shareRows && rowTasks > 1
          ? this.shareOf(rowTask, perRowTask, firstRun.extent)
          : [0, firstRun?.extent ?? 1];
      this.columnLoop(fromColumn, toColumn, chunk, rowRange, blockInRows);
    };
    const withBlocks = () => {
      if (box === undefined) return inside();
      const blockStart = f.local("i32");
      const blockEnd = f.local("i32");
      this.blockStart = blockStart;
      this.blockEnd = blockEnd;
      if (blockInRows) {
        f.get(blockTask).i32(box.block).op("i32.mul").set(blockStart);
        this.minimum(() => f.get(blockStart).i32(box.block).op("i32.add"), box.blocked.extent, blockEnd);
        this.fillBox(box);
        inside();
      } else {
        f.i32(0).set(blockStart);
        f.loop(() => {
          this.minimum(() => f.get(blockStart).i32(box.block).op("i32.add"), box.blocked.extent, blockEnd);
          this.fillBox(box);
          inside();
          f.get(blockStart)
            .i32(box.block)
            .op("i32.add")
            .tee(blockStart)
            .i32(box.blocked.extent)
            .op("i32.lt_s");
        });
      }
    };
    if (splits.length === 0 || partials === undefined) withBlocks();
    else {
      const [at, end] = [f.local("i32"), f.local("i32")];
      const length = splits.reduce((product, each) => product * each.extent, 1);
      f.get(chunk).i32(partials.perChunk).op("i32.mul").set(at);
      this.minimum(() => f.get(at).i32(partials.perChunk).op("i32.add"), length, end);
      const variable = f.local("i32");
      f.loop(() => {
        f.get(at).set(variable);
        // At most one axis is split: that of the images.
        this.variables.set(splits[0], variable);
        withBlocks();
        f.get(at).i32(1).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
    }
    this.target.module.add(f);
    return { name: f.name, tasks: before * shares };
  }

  private blockStart: Local | undefined;
  private blockEnd: Local | undefined;

  private shareOf(task: Local, perTask: number, extent: number): [Local, Local] {
    const { f } = this;
    const [from, to] = [f.local("i32"), f.local("i32")];
    f.get(task).i32(perTask).op("i32.mul").set(from);
    this.minimum(() => f.get(from).i32(perTask).op("i32.add"), extent, to);
    return [from, to];
  }

  private minimum(a: () => void, b: number, into: Local): void {
    const { f } = this;
    a();
    f.set(into).get(into).i32(b).get(into).i32(b).op("i32.lt_s", "select").set(into);
  }

  /** Rows of the outermost run for one task: whole tiles, enough tasks, and enough work in each. */
  private rowsPerTask(run: Run): number {
    if (this.rows.length > 1) {
      const inner = this.rows.slice(1).reduce((product, each) => product * each.extent, 1);
      const wanted = Math.ceil(run.extent / enoughTasks);
      return Math.max(1, Math.min(run.extent, Math.max(wanted, 1), Math.ceil(4096 / inner)));
    }
    // A multiple of the tile, so that only the last task has a rest.
    const perTask = Math.ceil(run.extent / enoughTasks / tileRows) * tileRows;
    return Math.min(perTask, 16 * tileRows);
  }

  private clear(chunk: Local, fromColumn: Local, toColumn: Local): void {
    const { f, c, partials } = this;
    if (partials === undefined) return;
    // Only this task's columns: others may be at work beside it. Rows are short stretches, so lanes are stored one block at a time.
    const rowAxes = partials.axes.filter((each) => each !== c.n && !c.batch.includes(each));
    const counters = rowAxes.map(() => f.local("i32"));
    const nested = (i: number) => {
      if (i === rowAxes.length) {
        f.i32(this.outAddress);
        this.addTerms(
          this.written,
          new Map([...rowAxes.map((each, j) => [each, counters[j]] as const), ...this.batchVariables()]),
        );
        this.addChunk(chunk);
        f.get(fromColumn)
          .i32(4 * tileColumns)
          .op("i32.mul", "i32.add");
        f.i32(0);
        f.get(toColumn).i32(tileColumns).op("i32.mul").set(this.spare());
        this.minimum(() => f.get(this.spare()), c.n.extent, this.spare());
        f.get(this.spare())
          .get(fromColumn)
          .i32(tileColumns)
          .op("i32.mul", "i32.sub")
          .i32(4)
          .op("i32.mul")
          .memoryFill();
        return;
      }
      f.i32(0).set(counters[i]);
      f.loop(() => {
        nested(i + 1);
        f.get(counters[i]).i32(1).op("i32.add").tee(counters[i]).i32(rowAxes[i].extent).op("i32.lt_s");
      });
    };
    nested(0);
  }

  private spareLocal: Local | undefined;
  private spare(): Local {
    this.spareLocal ??= this.f.local("i32");
    return this.spareLocal;
  }

  private batchVariables(): [Axis, Local][] {
    return this.c.batch.flatMap((each) => {
      const variable = this.variables.get(each);
      return variable === undefined ? [] : [[each, variable] as [Axis, Local]];
    });
  }

  private addChunk(chunk: Local): void {
    if (this.partials === undefined) return;
    this.f
      .get(chunk)
      .i32(4 * this.partials.layout.strides[0])
      .op("i32.mul", "i32.add");
  }

  /** Adds 4 × (terms of `linear` with these variables and its constant) to the address on the stack. */
  private addTerms(linear: Index, variables: ReadonlyMap<Axis, Local>): void {
    const { f } = this;
    for (const { atom, factor } of linear.terms) {
      if (atom.kind !== "axis") continue;
      const variable = variables.get(atom);
      if (variable === undefined) continue;
      f.get(variable)
        .i32(4 * factor)
        .op("i32.mul", "i32.add");
    }
    if (linear.constant !== 0) f.i32(4 * linear.constant).op("i32.add");
  }

  /** Copies the rows of A that this block needs, with zeros around what lies outside. */
  private fillBox(box: Box): void {
    const { f, c, target } = this;
    const layout = target.layoutOf(c.a.operand);
    const [, height, width, depth] = box.extents;
    const [, h, w] = c.a.operand.shape;
    const [image, vertical, horizontal, channels] = c.a.at;
    const variables = new Map([...this.variables]);
    if (this.blockStart !== undefined) variables.set(box.blocked, this.blockStart);
    const rowVariables = new Map(
      [...variables].filter(
        ([each]) => c.batch.includes(each) || each === box.blocked || box.outside.includes(each),
      ),
    );
    const [to, row, rows, source, rowStart] = [
      f.local("i32"),
      f.local("i32"),
      f.local("i32"),
      f.local("i32"),
      f.local("i32"),
    ];
    // First row of A in the box, and how many rows this block has.
    f.i32(0);
    this.addTerms4(vertical, rowVariables, 1);
    f.set(rowStart);
    const step = vertical.factorOf(box.blocked);
    if (this.blockEnd === undefined || this.blockStart === undefined)
      throw new Error("a box without a block");
    f.get(this.blockEnd)
      .get(this.blockStart)
      .op("i32.sub")
      .i32(box.block)
      .op("i32.sub")
      .i32(step)
      .op("i32.mul");
    f.i32(height).op("i32.add").set(rows);
    if (this.boxAddress === undefined) throw new Error("a box without an address");
    f.get(this.boxAddress).set(to);
    f.i32(0).set(row);
    // Columns: the box starts at horizontal.constant; those outside 0 … w − 1 are zeros.
    const start = horizontal.constant;
    const left = Math.min(width, Math.max(0, -start));
    const right = Math.max(0, Math.min(width, start + width - w));
    const inside = Math.max(0, width - left - right);
    const rowBytes = 4 * width * depth;
    const contiguousRow = layout.strides[2] === depth;
    f.loop(() => {
      f.get(rowStart).get(row).op("i32.add").i32(h).op("i32.lt_u");
      f.if(
        () => {
          if (left > 0) this.zero(to, 0, left * depth);
          if (right > 0) this.zero(to, 4 * (left + inside) * depth, right * depth);
          if (inside === 0) return;
          f.i32(target.address(layout) + 4 * ((start + left) * layout.strides[2] + channels.constant));
          this.addTerms4(image, rowVariables, layout.strides[0]);
          this.addTerms4(
            channels,
            new Map([...rowVariables].filter(([each]) => c.batch.includes(each))),
            1,
            true,
          );
          f.get(rowStart)
            .get(row)
            .op("i32.add")
            .i32(4 * layout.strides[1])
            .op("i32.mul", "i32.add")
            .set(source);
          if (contiguousRow) this.copy(to, 4 * left * depth, source, inside * depth);
          else {
            const [pixel, out] = [f.local("i32"), f.local("i32")];
            f.i32(0).set(pixel).get(to).set(out);
            f.loop(() => {
              this.copy(out, 4 * left * depth, source, depth);
              f.get(source)
                .i32(4 * layout.strides[2])
                .op("i32.add")
                .set(source);
              f.get(out)
                .i32(4 * depth)
                .op("i32.add")
                .set(out);
              f.get(pixel).i32(1).op("i32.add").tee(pixel).i32(inside).op("i32.lt_s");
            });
            f.release(pixel, out);
          }
        },
        () => this.zero(to, 0, width * depth),
      );
      f.get(to).i32(rowBytes).op("i32.add").set(to);
      f.get(row).i32(1).op("i32.add").tee(row).get(rows).op("i32.lt_s");
    });
    f.release(to, row, rows, source, rowStart);
  }

  /** Adds `scale` elements for each unit of an index; in bytes unless it starts from a bare number. */
  private addTerms4(
    of: Index,
    variables: ReadonlyMap<Axis, Local>,
    scale: number,
    skipConstant = false,
  ): void {
    const { f } = this;
    const unit = of === this.c.a.at[1] ? 1 : 4;
    for (const { atom, factor } of of.terms) {
      if (atom.kind !== "axis") continue;
      const variable = variables.get(atom);
      if (variable === undefined) continue;
      f.get(variable)
        .i32(unit * factor * scale)
        .op("i32.mul", "i32.add");
    }
    if (of.constant !== 0 && !skipConstant) f.i32(unit * of.constant * scale).op("i32.add");
  }

  /** Zeros `length` numbers from `to` + `offset` bytes. */
  private zero(to: Local, offset: number, length: number): void {
    const { f } = this;
    if (length > 64) {
      f.get(to)
        .i32(offset)
        .op("i32.add")
        .i32(0)
        .i32(4 * length)
        .memoryFill();
      return;
    }
    const zero = f.local("v128");
    f.v128f32(0).set(zero);
    for (let at = 0; at < length; at += 4) f.storeLanes(to, zero, Math.min(4, length - at), offset + 4 * at);
    f.release(zero);
  }

  /** Copies `length` numbers; whole vectors, the last of which may overlap the one before. */
  private copy(to: Local, offset: number, from: Local, length: number): void {
    const { f } = this;
    const vector = (at: number, lanes: number) => {
      const value = f.local("v128");
      f.get(from)
        .memory("v128.load", 4 * at)
        .set(value);
      f.storeLanes(to, value, lanes, offset + 4 * at);
      f.release(value);
    };
    if (length <= 64) {
      for (let at = 0; at < length; at += 4) vector(at, Math.min(4, length - at));
      return;
    }
    f.get(to)
      .i32(offset)
      .op("i32.add")
      .get(from)
      .i32(4 * length)
      .memoryCopy();
  }

  private columnLoop(
    from: Local,
    to: Local,
    chunk: Local,
    rowRange: [Local | number, Local | number],
    blockInRows: boolean,
  ): void {
    const { f, c } = this;
    const columns = Math.ceil(c.n.extent / tileColumns);
    const tail = c.n.extent % tileColumns;
    const column = f.local("i32");
    const whole = tail === 0 ? columns : columns - 1;
    f.get(from).set(column);
    f.loop(() => {
      if (tail === 0 || whole === 0)
        this.rowLoops(column, tail === 0 ? tileColumns : tail, chunk, rowRange, blockInRows);
      else {
        f.get(column).i32(whole).op("i32.lt_s");
        f.if(
          () => this.rowLoops(column, tileColumns, chunk, rowRange, blockInRows),
          () => this.rowLoops(column, tail, chunk, rowRange, blockInRows),
        );
      }
      f.get(column).i32(1).op("i32.add").tee(column).get(to).op("i32.lt_s");
    });
    f.release(column);
  }

  /** Loops over all rows of the task for one block of columns. */
  private rowLoops(
    column: Local,
    lanes: number,
    chunk: Local,
    rowRange: [Local | number, Local | number],
    blockInRows: boolean,
  ): void {
    const { f, c, view, b } = this;
    const bAddress = f.local("i32");
    f.i32(b.address);
    f.get(column)
      .i32(4 * b.panelFactor)
      .op("i32.mul", "i32.add");
    for (const each of [...c.batch, ...this.splits]) {
      const variable = this.variables.get(each);
      const factor = b.factorOf(each);
      if (variable !== undefined && factor !== 0)
        f.get(variable)
          .i32(4 * factor)
          .op("i32.mul", "i32.add");
    }
    const box = view.box;
    if (box !== undefined && c.k.includes(box.blocked) && this.blockStart !== undefined)
      f.get(this.blockStart)
        .i32(4 * b.factorOf(box.blocked))
        .op("i32.mul", "i32.add");
    f.set(bAddress);

    const pointers = this.pointers(column, chunk, blockInRows);
    const runs = [...this.rows];
    const blockedRun =
      blockInRows && box !== undefined && this.blockStart !== undefined && this.blockEnd !== undefined
        ? {
            extent: box.block,
            factors: [
              view.factorOf(box.blocked),
              this.written.factorOf(box.blocked),
              ...this.epilogueReads.map(({ linear }) => linear.factorOf(box.blocked)),
            ],
          }
        : undefined;
    const walk = (i: number, current: readonly Local[]) => {
      if (i >= runs.length - 1)
        return this.tileRun(
          runs.at(-1),
          i === 0 && runs.length === 1 ? rowRange : undefined,
          current,
          bAddress,
          lanes,
        );
      const run = runs[i];
      const [from, to] = i === 0 ? rowRange : [0, run.extent];
      const [at, moved] = [f.local("i32"), current.map(() => f.local("i32"))];
      this.push(from);
      f.set(at);
      for (const [j, local] of moved.entries()) {
        f.get(current[j]);
        if (from !== 0) {
          this.push(from);
          f.i32(4 * run.factors[j]).op("i32.mul", "i32.add");
        }
        f.set(local);
      }
      f.loop(() => {
        walk(i + 1, moved);
        for (const [j, local] of moved.entries())
          f.get(local)
            .i32(4 * run.factors[j])
            .op("i32.add")
            .set(local);
        f.get(at).i32(1).op("i32.add").tee(at);
        this.push(to);
        f.op("i32.lt_s");
      });
      f.release(at, ...moved);
    };
    if (blockedRun === undefined || this.blockStart === undefined || this.blockEnd === undefined)
      walk(0, pointers);
    else {
      const at = f.local("i32");
      f.get(this.blockStart).set(at);
      const end = this.blockEnd;
      f.loop(() => {
        walk(0, pointers);
        for (const [j, local] of pointers.entries())
          f.get(local)
            .i32(4 * blockedRun.factors[j])
            .op("i32.add")
            .set(local);
        f.get(at).i32(1).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
      f.release(at);
    }
    f.release(bAddress, ...pointers);
  }

  private push(value: number | Local): void {
    if (typeof value === "number") this.f.i32(value);
    else this.f.get(value);
  }

  /** Addresses at the first row of the task: of A, of the result, and of each read of the epilogue. */
  private pointers(column: Local, chunk: Local, blockInRows: boolean): Local[] {
    const { f, c, view, target } = this;
    const a = f.local("i32");
    const box = view.box;
    const variables = new Map(this.variables);
    if (box !== undefined && blockInRows && this.blockStart !== undefined)
      variables.set(box.blocked, this.blockStart);
    if (box !== undefined && this.boxAddress !== undefined) f.get(this.boxAddress).set(a);
    else {
      const layout = target.layoutOf(c.a.operand);
      f.i32(target.address({ ...layout, offset: 0 }));
      this.addTerms(linearIndex(c.a.at, layout), variables);
      f.set(a);
    }
    const out = f.local("i32");
    f.i32(this.outAddress);
    this.addTerms(this.written, variables);
    this.addChunk(chunk);
    f.get(column)
      .i32(4 * tileColumns)
      .op("i32.mul", "i32.add")
      .set(out);
    const reads = this.epilogueReads.map(({ linear, address }) => {
      const local = f.local("i32");
      f.i32(address);
      this.addTerms(linear, variables);
      if (linear.factorOf(c.n) === 1)
        f.get(column)
          .i32(4 * tileColumns)
          .op("i32.mul", "i32.add");
      f.set(local);
      return local;
    });
    return [a, out, ...reads];
  }

  /** Tiles along the innermost run of rows. */
  private tileRun(
    run: Run | undefined,
    range: [Local | number, Local | number] | undefined,
    current: readonly Local[],
    bAddress: Local,
    lanes: number,
  ): void {
    const { f } = this;
    if (run === undefined)
      return this.callTile(
        1,
        current.map(() => 0),
        current,
        bAddress,
        lanes,
      );
    const isStatic = range === undefined || (typeof range[0] === "number" && typeof range[1] === "number");
    const moved = current.map(() => f.local("i32"));
    const factors = run.factors;
    const start = range?.[0] ?? 0;
    for (const [j, local] of moved.entries()) {
      f.get(current[j]);
      if (start !== 0) {
        this.push(start);
        f.i32(4 * factors[j]).op("i32.mul", "i32.add");
      }
      f.set(local);
    }
    const advance = (rows: number) => {
      for (const [j, local] of moved.entries())
        f.get(local)
          .i32(4 * rows * factors[j])
          .op("i32.add")
          .set(local);
    };
    const times = (count: number, rows: number) => {
      if (count === 0) return;
      const at = f.local("i32");
      f.i32(count).set(at);
      f.loop(() => {
        this.callTile(rows, factors, moved, bAddress, lanes);
        advance(rows);
        f.get(at).i32(1).op("i32.sub").tee(at);
      });
      f.release(at);
    };
    if (isStatic) {
      // Tiles of nearly equal size: 32 places are 6 + 6 + 5 + 5 + 5 + 5, not five times 6 and a 2 that starves.
      const tiles = Math.ceil(run.extent / tileRows);
      const small = Math.floor(run.extent / tiles);
      const large = run.extent % tiles;
      times(large, small + 1);
      times(tiles - large, small);
    } else if (range !== undefined) {
      const left = f.local("i32");
      this.push(range[1]);
      this.push(range[0]);
      f.op("i32.sub").set(left);
      f.get(left).i32(tileRows).op("i32.ge_s");
      f.if(() =>
        f.loop(() => {
          this.callTile(tileRows, factors, moved, bAddress, lanes);
          advance(tileRows);
          f.get(left).i32(tileRows).op("i32.sub").tee(left).i32(tileRows).op("i32.ge_s");
        }),
      );
      // Tasks share whole tiles: a rest is left to the last task alone.
      const rest = run.extent % tileRows;
      if (rest > 0) {
        f.get(left).i32(rest).op("i32.eq");
        f.if(() => this.callTile(rest, factors, moved, bAddress, lanes));
      }
      f.release(left);
    }
    f.release(...moved);
  }

  private callTile(
    rows: number,
    factors: readonly number[],
    pointers: readonly Local[],
    bAddress: Local,
    lanes: number,
  ): void {
    const { f, view } = this;
    const box = view.box;
    const key = `${rows},${lanes}`;
    let tile = this.tiles.get(key);
    if (tile === undefined) {
      tile = this.renderTile(rows, lanes, factors);
      this.tiles.set(key, tile);
    }
    f.get(pointers[0]).get(bAddress);
    for (const pointer of pointers.slice(1)) f.get(pointer);
    const perPlace = this.stretches();
    if (
      box !== undefined &&
      this.c.k.includes(box.blocked) &&
      this.blockEnd !== undefined &&
      this.blockStart !== undefined
    )
      f.get(this.blockEnd).get(this.blockStart).op("i32.sub").i32(perPlace).op("i32.mul");
    else f.i32(perPlace);
    f.call(tile);
  }

  /** Stretches of unrolled steps in the sum, for one place of a blocked axis. */
  private stretches(): number {
    return this.steps.reduce((product, run) => product * run.extent, 1) / this.unroll;
  }

  /** Offsets in A and B at each stretch of unrolled steps. */
  private offsets(blocked: Box | undefined): { a: number; b: number }[] {
    let offsets = [{ a: 0, b: 0 }];
    const along = (extent: number, a: number, b: number) => {
      offsets = offsets.flatMap((offset) =>
        Array.from({ length: extent }, (_, i) => ({ a: offset.a + i * a, b: offset.b + i * b })),
      );
    };
    if (blocked !== undefined)
      along(blocked.block, this.view.factorOf(blocked.blocked), this.b.factorOf(blocked.blocked));
    for (const [i, run] of this.steps.entries()) {
      const isLast = i === this.steps.length - 1;
      const every = isLast ? this.unroll : 1;
      along(run.extent / every, run.factors[0] * every, run.factors[1] * every);
    }
    return offsets;
  }

  /** The register tile as a function (a, b, out, epilogue…, stretches): one loop, accumulators in registers. */
  private renderTile(rows: number, lanes: number, factors: readonly number[]): number {
    const { target, c, epilogueReads, accumulates, unroll } = this;
    const parameters = 3 + epilogueReads.length + 1;
    const f = new FunctionBuilder(
      `${this.f.name}_${rows}x${lanes}`,
      new Array(parameters).fill("i32"),
      false,
    );
    const [a, b, out] = [f.parameter(0), f.parameter(1), f.parameter(2)];
    const stretches = f.parameter(parameters - 1);
    const vectors = Math.ceil(lanes / 4);
    const accumulators = Array.from({ length: rows }, () =>
      Array.from({ length: vectors }, () => f.local("v128")),
    );
    for (const [i, row] of accumulators.entries())
      for (const [j, local] of row.entries()) {
        if (accumulates) f.get(out).memory("v128.load", 4 * i * factors[1] + 16 * j);
        else f.v128f32(0);
        f.set(local);
      }
    const last = this.steps[this.steps.length - 1];
    const [aStep, bStep] = last.factors;
    const bs = Array.from({ length: vectors }, () => f.local("v128"));
    const [aAt, bAt] = [f.local("i32"), f.local("i32")];
    const table = f.local("i32");
    if (this.uniform !== undefined) f.get(a).set(aAt).get(b).set(bAt);
    else f.i32(this.chunkTable).set(table);
    const spread = f.local("v128");
    f.loop(() => {
      if (this.uniform === undefined) {
        f.get(a).get(table).memory("i32.load", 0).op("i32.add").set(aAt);
        f.get(b).get(table).memory("i32.load", 4).op("i32.add").set(bAt);
      }
      for (let u = 0; u < unroll; u++) {
        for (const [j, local] of bs.entries())
          f.get(bAt)
            .memory("v128.load", 4 * u * bStep + 16 * j)
            .set(local);
        for (const [i, row] of accumulators.entries()) {
          f.get(aAt)
            .memory("v128.load32_splat", 4 * (u * aStep + i * factors[0]))
            .set(spread);
          for (const [j, local] of row.entries())
            target.multiplyAdd(
              f,
              () => f.get(spread),
              () => f.get(bs[j]),
              local,
            );
        }
      }
      if (this.uniform !== undefined) {
        f.get(aAt)
          .i32(4 * this.uniform.a)
          .op("i32.add")
          .set(aAt);
        f.get(bAt)
          .i32(4 * this.uniform.b)
          .op("i32.add")
          .set(bAt);
      } else f.get(table).i32(8).op("i32.add").set(table);
      f.get(stretches).i32(1).op("i32.sub").tee(stretches);
    });
    for (const [i, row] of accumulators.entries())
      for (const [j, local] of row.entries()) {
        const offset = 4 * i * factors[1] + 16 * j;
        const stored = this.partials !== undefined ? local : this.epilogue(f, local, i, j, factors);
        f.storeLanes(out, stored, Math.min(4, lanes - 4 * j), offset);
      }
    return target.module.add(f);
  }

  /** What stands around the sum, for one vector of the tile. */
  private epilogue(
    f: FunctionBuilder,
    accumulator: Local,
    row: number,
    vector: number,
    factors: readonly number[],
  ): Local {
    const { c, target, epilogueReads } = this;
    const known = new Map<Value, Local>([[c.sum, accumulator]]);
    const compute = (value: Value): Local => {
      const before = known.get(value);
      if (before !== undefined) return before;
      const result = f.local("v128");
      if (value.node.kind === "read") {
        const which = epilogueReads.findIndex((each) => each.value === value);
        const offset = 4 * row * factors[2 + which];
        const alongColumns = epilogueReads[which].linear.factorOf(c.n) === 1;
        f.get(f.parameter(3 + which));
        if (alongColumns) f.memory("v128.load", offset + 16 * vector);
        else f.memory("v128.load32_splat", offset);
      } else
        emitElementwise(f, target.math, target.map.scalarsAddress, value, (operand) => {
          if (operand.node.kind === "constant") f.v128f32(operand.node.value);
          else f.get(compute(operand));
        });
      f.set(result);
      known.set(value, result);
      return result;
    };
    return compute(c.part.value);
  }

  private collectEpilogueReads(): void {
    if (this.partials !== undefined) return;
    const see = (value: Value) => {
      if (value === this.c.sum) return;
      const { node } = value;
      if (node.kind === "read") {
        if (this.epilogueReads.some((each) => each.value === value)) return;
        const layout = this.target.layoutOf(node.operand);
        const linear = linearIndex(node.at, layout);
        this.epilogueReads.push({ value, linear, address: this.target.address({ ...layout, offset: 0 }) });
      }
      if (node.kind === "unary") see(node.a);
      if (node.kind === "binary" || node.kind === "compare") for (const each of [node.a, node.b]) see(each);
      if (node.kind === "select") for (const each of [node.condition, node.a, node.b]) see(each);
    };
    see(this.c.part.value);
  }
}

function leaves(at: Index, extent: number): boolean {
  const [low, high] = at.range();
  return low < 0 || high >= extent;
}

function axesOf(at: Index): Set<Axis> {
  const axes = new Set<Axis>();
  at.collectAxes(axes);
  return axes;
}

/** How many places an index covers while its axes run, those that `still` names standing still. */
function span(at: Index, still: (axis: Axis) => boolean): number {
  let places = 1;
  for (const { atom, factor } of at.terms)
    if (atom.kind === "axis" && !still(atom)) places += Math.abs(factor) * (atom.extent - 1);
  return places;
}

/** Whether B depends on axes of the sum outside the tile: then no single packing serves. */
function usesOutside(linear: Index, sumInTile: readonly Axis[], c: Contraction): boolean {
  return c.k.some((each) => !sumInTile.includes(each) && linear.factorOf(each) !== 0);
}

/** The largest number of steps up to 8 that divides the run; primes up to 16 whole. */
function unrollFor(extent: number): number {
  for (let u = Math.min(8, extent); u >= 4; u--) if (extent % u === 0) return u;
  for (let u = 9; u <= Math.min(16, extent); u++) if (extent % u === 0) return u;
  for (let u = 3; u >= 1; u--) if (extent % u === 0) return u;
  return 1;
}

function isUniform(table: readonly { a: number; b: number }[]): boolean {
  if (table.length < 2) return false;
  const [a, b] = [table[1].a - table[0].a, table[1].b - table[0].b];
  return table.every((each, i) => each.a === i * a && each.b === i * b);
}
