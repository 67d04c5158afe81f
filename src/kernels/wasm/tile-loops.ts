/** The loops of one task of a contraction: which images, rows, columns and chunks of the sum are its, and a tile for each. */

import { type Axis, extentOf, index } from "../index-expression.ts";
import { linearIndex } from "../layout.ts";
import { type Contraction, mergeRuns, type Run, readsAround } from "../schedule-contraction.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { addTerms, emitBox } from "./box.ts";
import type { ColumnGroup } from "./contraction-types.ts";
import type { Launch, Target } from "./target.ts";
import { type EpilogueRead, parkedBytes } from "./tile.ts";
import { type Range, rowTables, type TileLoopsOptions, TileRows, type TileTask } from "./tile-rows.ts";

/** Enough tasks to keep threads balanced. */
export const enoughTasks = 16;
/** Rows that a task has at most, and the numbers of A in them: they stay in the L2 cache while columns go by. */
const mostRows = 96;
const mostNumbers = 64 * 1024;

export class TileLoops {
  private readonly o: TileLoopsOptions;
  private readonly t: TileTask;
  private readonly f: FunctionBuilder;
  private readonly tileRows: TileRows;

  constructor(options: TileLoopsOptions) {
    this.o = options;
    this.t = taskOf(options);
    this.f = this.t.f;
    this.tileRows = new TileRows(options, this.t);
  }

  render(): Launch {
    const { f } = this;
    const { rows } = this.t;
    const { contraction: c, view, groups, partials, splits, accumulates, wholeRows } = this.o;
    const { box } = view;
    const last = groups[groups.length - 1];
    const blocksOfColumns = last.block + last.count;
    const chunks = partials === undefined || splits.length === 0 ? 1 : partials.chunks;
    const outsideRows = c.m.filter((each) => box?.outside.includes(each));
    const blocks = this.t.blockInRows && box !== undefined ? Math.ceil(box.blocked.extent / box.block) : 1;
    // Where no box shares out the rows, tasks take stretches of the outermost run.
    const [run] = rows;
    const sharesRows = box === undefined && run !== undefined && !accumulates && !wholeRows;
    const outer = extentOf([...c.batch, ...outsideRows]);
    const beside = outer * blocks * chunks;
    const [perRowTask, perShare] = this.sharing(sharesRows ? run : undefined, blocksOfColumns, beside);
    const rowTasks = sharesRows ? Math.ceil(run.extent / perRowTask) : 1;
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
    for (const each of outsideRows.toReversed()) this.t.variables.set(each, take(each.extent));
    const chunk = take(chunks);
    for (const each of c.batch.toReversed()) this.t.variables.set(each, take(each.extent));
    const rowRange: Range =
      sharesRows && rowTasks > 1 ? this.stretch(rowTask, perRowTask, run.extent) : [0, run?.extent ?? 1];

    this.findParked();
    if (this.t.boxAddress !== undefined && box !== undefined) {
      const numbers = box.extents.reduce((x, y) => x * y, 1);
      const boxBytes = Math.ceil((f.numbers.bytes * numbers + 64) / 64) * 64;
      const address = this.o.target.perThread(boxBytes);
      f.get(f.parameter(1)).i32(boxBytes).op("i32.mul").i32(address).op("i32.add").set(this.t.boxAddress);
    }
    if (accumulates) this.clear(chunk, columnRange);
    const tiles = () => this.columnLoops(columnRange, chunk, rowRange);
    if (splits.length === 0 || partials === undefined) this.blockLoop(blockTask, tiles);
    else {
      // One axis is split: that of the images.
      const [at, end] = this.stretch(chunk, partials.perChunk, extentOf(splits));
      this.t.variables.set(splits[0], at);
      f.loop(() => {
        this.blockLoop(blockTask, tiles);
        f.get(at).i32(1).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
    }
    return { name: f.name, index: this.o.target.module.add(f), tasks: beside * rowTasks * shares };
  }

  /** Sets where this thread's tiles may park their sums. */
  private findParked(): void {
    const { f } = this;
    const { parked } = this.t;
    if (parked === undefined) return;
    const bytes = parkedBytes(this.o.target);
    const address = this.o.target.perThread(bytes);
    f.get(f.parameter(1)).i32(bytes).op("i32.mul").i32(address).op("i32.add").set(parked);
  }

  /**
   * Places of the outermost run of rows, if it is shared out, and blocks of columns for one task: enough tasks, and the fewest
   * numbers of A and B read, of which each task reads its own.
   */
  private sharing(run: Run | undefined, blocksOfColumns: number, beside: number): [number, number] {
    const { contraction: c, groups, sumInTile } = this.o;
    const wanted = Math.ceil(enoughTasks / beside);
    const perColumns = (tasks: number) =>
      Math.ceil(blocksOfColumns / Math.min(blocksOfColumns, Math.max(1, Math.ceil(wanted / tasks))));
    if (run === undefined) return [1, perColumns(1)];
    const inner = extentOf(this.t.rows.slice(1));
    const steps = extentOf(sumInTile);
    // Whole tiles of all groups of columns, so that only the last task has a rest.
    const multiple =
      this.t.rows.length > 1
        ? 1
        : groups.reduce((product, { rows }) => (product % rows === 0 ? product : product * rows), 1);
    const most = Math.max(1, Math.min(mostRows, mostNumbers / steps) / inner);
    let best: { cost: number; sharing: [number, number] } | undefined;
    for (let tasks = Math.ceil(run.extent / most); tasks <= run.extent; tasks++) {
      const rows = Math.min(run.extent, Math.ceil(run.extent / tasks / multiple) * multiple);
      const rowTasks = Math.ceil(run.extent / rows);
      const columns = perColumns(rowTasks);
      const shares = Math.ceil(blocksOfColumns / columns);
      // Too few tasks leave threads without work.
      const idle = Math.max(1, wanted / (rowTasks * shares));
      const cost = idle * (rowTasks * c.n.extent + shares * run.extent * inner);
      if (best === undefined || cost < best.cost) best = { cost, sharing: [rows, columns] };
      if (rowTasks >= wanted) break;
    }
    return best?.sharing ?? [run.extent, perColumns(1)];
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

  /** Fills the box, once for a task or block after block, and runs `inside` on it. */
  private blockLoop(blockTask: Local, inside: () => void): void {
    const { f } = this;
    const { blockStart, blockEnd, boxAddress } = this.t;
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
        variables: this.t.variables,
      });
      inside();
    };
    if (this.t.blockInRows) {
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
    const { bytes } = f.numbers;
    const { contraction: c, partials } = this.o;
    if (partials === undefined) return;
    const axes = partials.axes.filter((each) => each !== c.n && !this.t.variables.has(each));
    const counters = new Map(axes.map((each) => [each, f.local("i32")]));
    const [first, length] = [f.local("i32"), f.local("i32")];
    this.columnOf(from, first);
    this.columnOf(to, length);
    f.get(length).get(first).op("i32.sub").i32(bytes).op("i32.mul").set(length);
    const nested = ([each, ...inner]: readonly Axis[]) => {
      if (each === undefined) {
        f.i32(this.t.outAddress);
        addTerms(f, this.t.written, new Map([...this.t.variables, ...counters]), bytes);
        f.get(chunk)
          .i32(bytes * partials.layout.strides[0])
          .op("i32.mul", "i32.add");
        f.get(first).i32(bytes).op("i32.mul", "i32.add").i32(0).get(length).memoryFill();
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
            this.tileRows.emit(group, block, lanes, chunk, rowRange);
            f.get(block).i32(1).op("i32.add").tee(block).get(stop).op("i32.lt_s");
          }),
        );
        f.release(block, stop);
      };
      loop(group.block, whole, group.columns);
      if (hasTail) loop(whole, end, columnsLeft);
    }
  }
}

/** What the tiles of a kernel share, and the function that they are called from. */
function taskOf({ target, contraction: c, layout, view, partials }: TileLoopsOptions): TileTask {
  const { box } = view;
  const f = target.kernel();
  let written = linearIndex(c.part.at, layout);
  if (partials !== undefined) {
    written = index(0);
    for (const [i, each] of partials.axes.entries())
      written = written.plus(index(each).times(partials.layout.strides[i + 1]));
  }
  const reads = partials === undefined ? epilogueReads(target, c) : [];
  const inside = (each: Axis) => box === undefined || (!box.outside.includes(each) && each !== box.blocked);
  const blockInRows = box !== undefined && c.m.includes(box.blocked);
  return {
    f,
    variables: new Map(),
    rows: mergeRuns(c.m.filter(inside), rowTables(view, written, reads)),
    reads,
    written,
    outAddress: partials?.address ?? target.address({ ...layout, offset: 0 }),
    blockInRows,
    blockInSum: box !== undefined && !blockInRows,
    boxAddress: box === undefined ? undefined : f.local("i32"),
    blockStart: f.local("i32"),
    blockEnd: f.local("i32"),
    parked: target.vectors.code === "joined" ? f.local("i32") : undefined,
  };
}

function epilogueReads(target: Target, { part, sum }: Contraction): EpilogueRead[] {
  return readsAround(part.value, sum).flatMap((value) => {
    if (value.node.kind !== "read") return [];
    const layout = target.layoutOf(value.node.operand);
    const linear = linearIndex(value.node.at, layout);
    return [{ value, linear, address: target.address({ ...layout, offset: 0 }) }];
  });
}
