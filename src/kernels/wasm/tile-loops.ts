/** The loops of one task of a contraction: which images, rows, columns and chunks of the sum are its, and a tile for each. */

import { type Axis, type Index, index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { type Contraction, mergeRuns, type Run } from "../schedule-contraction.ts";
import type { Value } from "../value.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { addTerms, emitBox } from "./box.ts";
import type { ColumnGroup, Panels, Partials, View } from "./contraction-types.ts";
import type { Launch, Target } from "./target.ts";
import { type EpilogueRead, renderTile, type Steps } from "./tile.ts";

/** Enough tasks to keep threads balanced. */
export const enoughTasks = 16;
/** Rows that a task has at most, where rows are all that is shared out. */
const mostRows = 96;

export interface TileLoopsOptions {
  readonly target: Target;
  readonly contraction: Contraction;
  readonly layout: Layout;
  readonly view: View;
  readonly panels: Panels;
  readonly groups: readonly ColumnGroup[];
  /** Axes of the sum in the tile, outermost first, and those around it. */
  readonly sumInTile: readonly Axis[];
  readonly splits: readonly Axis[];
  readonly partials: Partials | undefined;
  /** Whether a tile goes on from what the result holds. */
  readonly accumulates: boolean;
  /** Whether a task has all rows: its caller shares them out. */
  readonly wholeRows: boolean;
}

type Bound = Local | number;
/** A stretch of a loop: first place, and one after the last. */
type Range = readonly [Bound, Bound];

export class TileLoops {
  private readonly o: TileLoopsOptions;
  private readonly f: FunctionBuilder;
  private readonly variables = new Map<Axis, Local>();
  private readonly tiles = new Map<string, number>();
  private readonly tables = new Map<number, Steps>();
  /** Runs of rows inside the box or A, outermost first; tiles go along the last. */
  private readonly rows: readonly Run[];
  private readonly reads: readonly EpilogueRead[];
  private readonly written: Index;
  private readonly outAddress: number;
  private readonly blockInRows: boolean;
  private readonly blockInSum: boolean;
  private readonly boxAddress: Local | undefined;
  private readonly blockStart: Local;
  private readonly blockEnd: Local;

  constructor(options: TileLoopsOptions) {
    this.o = options;
    const { target, contraction: c, layout, view, partials } = options;
    this.f = target.kernel();
    if (partials === undefined) {
      this.written = linearIndex(c.part.at, layout);
      this.outAddress = target.address({ ...layout, offset: 0 });
    } else {
      let written = index(0);
      for (const [i, each] of partials.axes.entries())
        written = written.plus(index(each).times(partials.layout.strides[i + 1]));
      this.written = written;
      this.outAddress = partials.address;
    }
    this.reads = partials === undefined ? epilogueReads(target, c) : [];
    const { box } = view;
    const inside = (each: Axis) => box === undefined || (!box.outside.includes(each) && each !== box.blocked);
    this.rows = mergeRuns(c.m.filter(inside), this.rowTables());
    this.blockInRows = box !== undefined && c.m.includes(box.blocked);
    this.blockInSum = box !== undefined && !this.blockInRows;
    this.boxAddress = box === undefined ? undefined : this.f.local("i32");
    this.blockStart = this.f.local("i32");
    this.blockEnd = this.f.local("i32");
  }

  render(): Launch {
    const { f, rows } = this;
    const { contraction: c, view, groups, partials, splits, accumulates, wholeRows } = this.o;
    const { box } = view;
    const last = groups[groups.length - 1];
    const blocksOfColumns = last.block + last.count;
    const chunks = partials === undefined || splits.length === 0 ? 1 : partials.chunks;
    const outsideRows = c.m.filter((each) => box?.outside.includes(each));
    const blocks = this.blockInRows && box !== undefined ? Math.ceil(box.blocked.extent / box.block) : 1;
    // Where no box shares out the rows, tasks take stretches of the outermost run.
    const [run] = rows;
    const sharesRows = box === undefined && run !== undefined && !accumulates && !wholeRows;
    const perRowTask = sharesRows ? this.rowsPerTask(run) : 1;
    const rowTasks = sharesRows ? Math.ceil(run.extent / perRowTask) : 1;
    const outer = [...c.batch, ...outsideRows].reduce((product, each) => product * each.extent, 1);
    const others = outer * blocks * chunks * rowTasks;
    const wantedShares = Math.min(blocksOfColumns, Math.max(1, Math.ceil(enoughTasks / others)));
    const perShare = Math.ceil(blocksOfColumns / wantedShares);
    const shares = Math.ceil(blocksOfColumns / perShare);

    const rest = f.local("i32");
    f.get(f.parameter(0)).set(rest);
    const take = (extent: number): Local => {
      const variable = f.local("i32");
      if (extent === 1) f.i32(0).set(variable);
      else {
        f.get(rest).i32(extent).op("i32.rem_u").set(variable);
        f.get(rest).i32(extent).op("i32.div_u").set(rest);
      }
      return variable;
    };
    const columnRange = this.stretch(take(shares), perShare, blocksOfColumns);
    const rowTask = take(rowTasks);
    const blockTask = take(blocks);
    for (const each of outsideRows.toReversed()) this.variables.set(each, take(each.extent));
    const chunk = take(chunks);
    for (const each of c.batch.toReversed()) this.variables.set(each, take(each.extent));
    const rowRange: Range =
      sharesRows && rowTasks > 1 ? this.stretch(rowTask, perRowTask, run.extent) : [0, run?.extent ?? 1];

    if (this.boxAddress !== undefined && box !== undefined) {
      const bytes = Math.ceil((4 * box.extents.reduce((x, y) => x * y, 1) + 64) / 64) * 64;
      const address = this.o.target.perThread(bytes);
      f.get(f.parameter(1)).i32(bytes).op("i32.mul").i32(address).op("i32.add").set(this.boxAddress);
    }
    if (accumulates) this.clear(chunk, columnRange);
    const tiles = () => this.columnLoops(columnRange, chunk, rowRange);
    if (splits.length === 0 || partials === undefined) this.blockLoop(blockTask, tiles);
    else {
      // One axis is split: that of the images.
      const [at, end] = this.stretch(
        chunk,
        partials.perChunk,
        splits.reduce((product, each) => product * each.extent, 1),
      );
      this.variables.set(splits[0], at);
      f.loop(() => {
        this.blockLoop(blockTask, tiles);
        f.get(at).i32(1).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
    }
    return { name: f.name, index: this.o.target.module.add(f), tasks: others * shares };
  }

  private rowTables(): ((axis: Axis) => number)[] {
    return [
      this.o.view.factorOf,
      (each) => this.written.factorOf(each),
      ...this.reads.map(
        ({ linear }) =>
          (each: Axis) =>
            linear.factorOf(each),
      ),
    ];
  }

  /** Places of the outermost run of rows for one task: whole tiles, and enough tasks. */
  private rowsPerTask(run: Run): number {
    if (this.rows.length > 1) {
      const inner = this.rows.slice(1).reduce((product, each) => product * each.extent, 1);
      return Math.max(1, Math.min(Math.ceil(run.extent / enoughTasks), Math.ceil(4096 / inner)));
    }
    // A multiple of all tiles, so that only the last task has a rest.
    const multiple = this.o.groups.reduce(
      (product, { rows }) => (product % rows === 0 ? product : product * rows),
      1,
    );
    const wanted = Math.min(mostRows, Math.ceil(run.extent / enoughTasks));
    return Math.ceil(wanted / multiple) * multiple;
  }

  /** First place and end of share number `share`. */
  private stretch(share: Local, perShare: number, extent: number): readonly [Local, Local] {
    const { f } = this;
    const [from, to] = [f.local("i32"), f.local("i32")];
    f.get(share).i32(perShare).op("i32.mul").set(from);
    f.get(from).i32(perShare).op("i32.add").set(to);
    this.minimum(to, extent);
    return [from, to];
  }

  private minimum(local: Local, most: number): void {
    this.f.get(local).i32(most).get(local).i32(most).op("i32.lt_s", "select").set(local);
  }

  private push(value: Bound): void {
    if (typeof value === "number") this.f.i32(value);
    else this.f.get(value);
  }

  /** Fills the box, once for a task or block after block, and runs `inside` on it. */
  private blockLoop(blockTask: Local, inside: () => void): void {
    const { f, blockStart, blockEnd, boxAddress } = this;
    const { target, contraction, view } = this.o;
    const { box } = view;
    if (box === undefined || boxAddress === undefined) {
      inside();
      return;
    }
    const block = () => {
      f.get(blockStart).i32(box.block).op("i32.add").set(blockEnd);
      this.minimum(blockEnd, box.blocked.extent);
      emitBox(f, target, contraction, {
        box,
        to: boxAddress,
        from: blockStart,
        end: blockEnd,
        variables: this.variables,
      });
      inside();
    };
    if (this.blockInRows) {
      f.get(blockTask).i32(box.block).op("i32.mul").set(blockStart);
      block();
      return;
    }
    f.i32(0).set(blockStart);
    f.loop(() => {
      block();
      f.get(blockStart).i32(box.block).op("i32.add").tee(blockStart).i32(box.blocked.extent).op("i32.lt_s");
    });
  }

  /** Zeros this task's columns of its chunk: others may be at work beside it. */
  private clear(chunk: Local, [from, to]: readonly [Local, Local]): void {
    const { f } = this;
    const { contraction: c, partials } = this.o;
    if (partials === undefined) return;
    const axes = partials.axes.filter((each) => each !== c.n && !this.variables.has(each));
    const counters = new Map(axes.map((each) => [each, f.local("i32")]));
    const [first, length] = [f.local("i32"), f.local("i32")];
    this.columnOf(from, first);
    this.columnOf(to, length);
    f.get(length).get(first).op("i32.sub").i32(4).op("i32.mul").set(length);
    const nested = ([each, ...inner]: readonly Axis[]) => {
      if (each === undefined) {
        f.i32(this.outAddress);
        addTerms(f, this.written, new Map([...this.variables, ...counters]), 4);
        f.get(chunk)
          .i32(4 * partials.layout.strides[0])
          .op("i32.mul", "i32.add");
        f.get(first).i32(4).op("i32.mul", "i32.add").i32(0).get(length).memoryFill();
        return;
      }
      const counter = counters.get(each) ?? first;
      f.i32(0).set(counter);
      f.loop(() => {
        nested(inner);
        f.get(counter).i32(1).op("i32.add").tee(counter).i32(each.extent).op("i32.lt_s");
      });
    };
    nested(axes);
    f.release(first, length, ...counters.values());
  }

  /** The first column of a block, at most the number of columns. */
  private columnOf(block: Local, into: Local): void {
    const { f } = this;
    const { groups, contraction } = this.o;
    const column = (group: ColumnGroup) =>
      f
        .get(block)
        .i32(group.block)
        .op("i32.sub")
        .i32(group.columns)
        .op("i32.mul")
        .i32(group.from)
        .op("i32.add");
    column(groups[0]).set(into);
    for (const group of groups.slice(1))
      column(group).get(into).get(block).i32(group.block).op("i32.ge_s", "select").set(into);
    this.minimum(into, contraction.n.extent);
  }

  /** Over the blocks of columns of this task, group by group. */
  private columnLoops([from, to]: readonly [Local, Local], chunk: Local, rowRange: Range): void {
    const { f } = this;
    const { groups, contraction } = this.o;
    for (const group of groups) {
      const end = group.block + group.count;
      const columnsLeft = contraction.n.extent - group.from - (group.count - 1) * group.columns;
      const hasTail = columnsLeft < group.columns;
      const whole = hasTail ? end - 1 : end;
      const loop = (first: number, afterLast: number, lanes: number) => {
        if (first === afterLast) return;
        const [block, stop] = [f.local("i32"), f.local("i32")];
        // The part of this group's blocks that is the task's.
        f.get(from).i32(first).get(from).i32(first).op("i32.gt_s", "select").set(block);
        f.get(to).i32(afterLast).get(to).i32(afterLast).op("i32.lt_s", "select").set(stop);
        f.get(block).get(stop).op("i32.lt_s");
        f.if(() =>
          f.loop(() => {
            this.rowLoops(group, block, lanes, chunk, rowRange);
            f.get(block).i32(1).op("i32.add").tee(block).get(stop).op("i32.lt_s");
          }),
        );
        f.release(block, stop);
      };
      loop(group.block, whole, group.columns);
      if (hasTail) loop(whole, end, columnsLeft);
    }
  }

  /** Over all rows of the task, for one block of columns. */
  private rowLoops(group: ColumnGroup, block: Local, lanes: number, chunk: Local, rowRange: Range): void {
    const { f, rows } = this;
    const { contraction: c, panels, splits, view } = this.o;
    const { box } = view;
    const inGroup = f.local("i32");
    f.get(block).i32(group.block).op("i32.sub").set(inGroup);
    const bAddress = f.local("i32");
    f.i32(panels.address + 4 * panels.groupOffset(group));
    f.get(inGroup)
      .i32(4 * panels.blockFactor(group))
      .op("i32.mul", "i32.add");
    const along = (each: Axis, variable: Local | undefined) => {
      const factor = panels.factorOf(each, group.columns);
      if (variable !== undefined && factor !== 0)
        f.get(variable)
          .i32(4 * factor)
          .op("i32.mul", "i32.add");
    };
    for (const each of [...c.batch, ...splits]) along(each, this.variables.get(each));
    if (box !== undefined && this.blockInSum) along(box.blocked, this.blockStart);
    f.set(bAddress);

    const pointers = this.pointers(group, inGroup, chunk);
    const context = { group, lanes, bAddress };
    const walk = (i: number, current: readonly Local[]) => {
      const run = rows[i];
      const range: Range = i === 0 ? rowRange : [0, run?.extent ?? 1];
      if (run === undefined)
        return this.callTile(
          context,
          1,
          current.map(() => 0),
          current,
        );
      const moved = this.moved(current, run.factors, range[0]);
      if (i === rows.length - 1) this.tileRun(context, run, range, moved);
      else {
        const at = f.local("i32");
        this.push(range[0]);
        f.set(at);
        f.loop(() => {
          walk(i + 1, moved);
          this.advance(moved, run.factors, 1);
          f.get(at).i32(1).op("i32.add").tee(at);
          this.push(range[1]);
          f.op("i32.lt_s");
        });
        f.release(at);
      }
      f.release(...moved);
    };
    if (box === undefined || !this.blockInRows) walk(0, pointers);
    else {
      const at = f.local("i32");
      const factors = this.rowTables().map((table) => table(box.blocked));
      f.get(this.blockStart).set(at);
      f.loop(() => {
        walk(0, pointers);
        this.advance(pointers, factors, 1);
        f.get(at).i32(1).op("i32.add").tee(at).get(this.blockEnd).op("i32.lt_s");
      });
      f.release(at);
    }
    f.release(bAddress, inGroup, ...pointers);
  }

  private advance(pointers: readonly Local[], factors: readonly number[], places: number): void {
    for (const [i, pointer] of pointers.entries())
      if (factors[i] !== 0)
        this.f
          .get(pointer)
          .i32(4 * places * factors[i])
          .op("i32.add")
          .set(pointer);
  }

  /** Copies of pointers, `places` places on. */
  private moved(pointers: readonly Local[], factors: readonly number[], places: Bound): Local[] {
    const { f } = this;
    return pointers.map((pointer, i) => {
      const local = f.local("i32");
      f.get(pointer);
      if (places !== 0 && factors[i] !== 0) {
        this.push(places);
        f.i32(4 * factors[i]).op("i32.mul", "i32.add");
      }
      f.set(local);
      return local;
    });
  }

  /** Addresses at the task's first row: of A, of the result, and of each read of the epilogue. */
  private pointers(group: ColumnGroup, inGroup: Local, chunk: Local): Local[] {
    const { f } = this;
    const { target, contraction: c, view, partials } = this.o;
    const variables = new Map(this.variables);
    if (view.box !== undefined && this.blockInRows) variables.set(view.box.blocked, this.blockStart);
    const columns = () =>
      f
        .get(inGroup)
        .i32(4 * group.columns)
        .op("i32.mul", "i32.add")
        .i32(4 * group.from)
        .op("i32.add");
    const a = f.local("i32");
    if (this.boxAddress !== undefined) f.get(this.boxAddress);
    else {
      const layout = target.layoutOf(c.a.operand);
      const linear = linearIndex(c.a.at, layout);
      f.i32(target.address({ ...layout, offset: 0 }) + 4 * linear.constant);
      addTerms(f, linear, variables, 4);
      target.addThread(f, layout);
    }
    f.set(a);
    const out = f.local("i32");
    f.i32(this.outAddress + 4 * this.written.constant);
    addTerms(f, this.written, variables, 4);
    if (partials !== undefined)
      f.get(chunk)
        .i32(4 * partials.layout.strides[0])
        .op("i32.mul", "i32.add");
    columns();
    if (partials === undefined) target.addThread(f, this.o.layout);
    f.set(out);
    const reads = this.reads.map(({ linear, address }) => {
      const local = f.local("i32");
      f.i32(address + 4 * linear.constant);
      addTerms(f, linear, variables, 4);
      if (linear.factorOf(c.n) === 1) columns();
      f.set(local);
      return local;
    });
    return [a, out, ...reads];
  }

  /** Tiles along the innermost run of rows. */
  private tileRun(context: TileContext, run: Run, [from, to]: Range, pointers: readonly Local[]): void {
    const { f } = this;
    const most = context.group.rows;
    const tile = (rows: number) => {
      this.callTile(context, rows, run.factors, pointers);
      this.advance(pointers, run.factors, rows);
    };
    if (typeof from === "number" && typeof to === "number") {
      // Tiles of nearly equal size, so that none starves: 32 places are ten times 3 and a 2, 10 are 4 + 3 + 3.
      const tiles = Math.ceil((to - from) / most);
      const small = Math.floor((to - from) / tiles);
      const large = (to - from) % tiles;
      for (const [count, rows] of [
        [large, small + 1],
        [tiles - large, small],
      ]) {
        if (count === 0) continue;
        const left = f.local("i32");
        f.i32(count).set(left);
        f.loop(() => {
          tile(rows);
          f.get(left).i32(1).op("i32.sub").tee(left);
        });
        f.release(left);
      }
      return;
    }
    const left = f.local("i32");
    this.push(to);
    this.push(from);
    f.op("i32.sub").tee(left).i32(most).op("i32.ge_s");
    f.if(() =>
      f.loop(() => {
        tile(most);
        f.get(left).i32(most).op("i32.sub").tee(left).i32(most).op("i32.ge_s");
      }),
    );
    // Tasks have whole tiles: a rest is left to the last alone.
    const rest = run.extent % most;
    if (rest > 0) {
      f.get(left).i32(rest).op("i32.eq");
      f.if(() => tile(rest));
    }
    f.release(left);
  }

  private callTile(
    { group, lanes, bAddress }: TileContext,
    rows: number,
    rowFactors: readonly number[],
    pointers: readonly Local[],
  ): void {
    const { f } = this;
    const key = `${rows},${lanes},${group.columns}`;
    let tile = this.tiles.get(key);
    if (tile === undefined) {
      const { target, contraction, accumulates, partials } = this.o;
      tile = renderTile(target, contraction, {
        name: `${f.name}_${rows}x${lanes}`,
        rows,
        lanes,
        vectors: group.columns / 4,
        rowFactors,
        steps: this.steps(group.columns),
        reads: this.reads,
        accumulates,
        bare: partials !== undefined,
      });
      this.tiles.set(key, tile);
    }
    f.get(pointers[0]).get(bAddress);
    for (const pointer of pointers.slice(1)) f.get(pointer);
    const blocked = this.blockInSum ? this.o.view.box?.blocked : undefined;
    const length = this.o.sumInTile.reduce(
      (product, each) => (each === blocked ? product : product * each.extent),
      1,
    );
    if (blocked === undefined) f.i32(length);
    else f.get(this.blockEnd).get(this.blockStart).op("i32.sub").i32(length).op("i32.mul");
    f.call(tile);
  }

  /** Offsets in A and B at each step of the sum, for panels of so many columns. */
  private steps(columns: number): Steps {
    const known = this.tables.get(columns);
    if (known !== undefined) return known;
    const { target, view, panels, sumInTile } = this.o;
    const blocked = this.blockInSum ? view.box?.blocked : undefined;
    // A blocked axis comes first, so that a shorter block's steps are the first of the table.
    const order =
      blocked === undefined ? sumInTile : [blocked, ...sumInTile.filter((each) => each !== blocked)];
    let a = [0];
    let b = [0];
    for (const each of order) {
      const extent = each === blocked && view.box !== undefined ? view.box.block : each.extent;
      const along = (offsets: readonly number[], factor: number) =>
        offsets.flatMap((offset) => Array.from({ length: extent }, (_, i) => offset + i * factor));
      a = along(a, view.factorOf(each));
      b = along(b, panels.factorOf(each, columns));
    }
    const [stepOfA, stepOfB] = [constantStep(a), constantStep(b)];
    const words: number[] = [];
    for (let i = 0; i < a.length; i++) {
      if (stepOfA === undefined) words.push(4 * a[i]);
      if (stepOfB === undefined) words.push(4 * b[i]);
    }
    const steps = { a: stepOfA, b: stepOfB, table: words.length === 0 ? 0 : target.table(words) };
    this.tables.set(columns, steps);
    return steps;
  }
}

interface TileContext {
  readonly group: ColumnGroup;
  readonly lanes: number;
  readonly bAddress: Local;
}

function constantStep(offsets: readonly number[]): number | undefined {
  const step = offsets.length > 1 ? offsets[1] - offsets[0] : 0;
  return offsets.every((offset, i) => offset === i * step) ? step : undefined;
}

function epilogueReads(target: Target, { part, sum }: Contraction): EpilogueRead[] {
  const reads: EpilogueRead[] = [];
  const see = (value: Value) => {
    if (value === sum) return;
    const { node } = value;
    if (node.kind === "read" && !reads.some((each) => each.value === value)) {
      const layout = target.layoutOf(node.operand);
      const linear = linearIndex(node.at, layout);
      reads.push({ value, linear, address: target.address({ ...layout, offset: 0 }) });
    }
    if (node.kind === "unary") see(node.a);
    if (node.kind === "binary" || node.kind === "compare") for (const each of [node.a, node.b]) see(each);
    if (node.kind === "select") for (const each of [node.condition, node.a, node.b]) see(each);
  };
  see(part.value);
  return reads;
}
