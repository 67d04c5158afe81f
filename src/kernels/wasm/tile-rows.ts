/** Rows of a task: for one block of columns, a tile for each stretch of rows. */

import type { View } from "../contraction-view.ts";
import type { Axis, Index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { linearIndex } from "../layout.ts";
import type { Contraction, Run } from "../schedule-contraction.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { addTerms } from "./box.ts";
import type { ColumnGroup, Panels, Partials } from "./contraction-types.ts";
import type { Target } from "./target.ts";
import { type EpilogueRead, renderTile, type Steps } from "./tile.ts";

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

export type Bound = Local | number;
/** A stretch of a loop: first place, and one after the last. */
export type Range = readonly [Bound, Bound];

/** What is the same for all tiles of a kernel. */
export interface TileTask {
  readonly f: FunctionBuilder;
  /** Where the axes outside the tile stand. */
  readonly variables: Map<Axis, Local>;
  /** Runs of rows inside the box or A, outermost first; tiles go along the last. */
  readonly rows: readonly Run[];
  readonly reads: readonly EpilogueRead[];
  /** Where in the result, or in the chunk of it, a place is written; and the byte address of its memory. */
  readonly written: Index;
  readonly outAddress: number;
  /** Whether the blocked axis of a box is one of rows, or of the sum. */
  readonly blockInRows: boolean;
  readonly blockInSum: boolean;
  readonly boxAddress: Local | undefined;
  readonly blockStart: Local;
  readonly blockEnd: Local;
  /** Memory for what this thread's tiles park; undefined where vectors are not joined. */
  readonly parked: Local | undefined;
}

interface TileContext {
  readonly group: ColumnGroup;
  readonly lanes: number;
  readonly bAddress: Local;
}

/** How far apart rows are along an axis: in A, in the result, and in each read of the epilogue. */
export function rowTables(
  view: View,
  written: Index,
  reads: readonly EpilogueRead[],
): ((axis: Axis) => number)[] {
  return [
    view.factorOf,
    (each) => written.factorOf(each),
    ...reads.map(
      ({ linear }) =>
        (each: Axis) =>
          linear.factorOf(each),
    ),
  ];
}

export class TileRows {
  private readonly o: TileLoopsOptions;
  private readonly t: TileTask;
  private readonly f: FunctionBuilder;
  private readonly tiles = new Map<string, number>();
  private readonly tables = new Map<number, Steps>();

  constructor(options: TileLoopsOptions, task: TileTask) {
    this.o = options;
    this.t = task;
    this.f = task.f;
  }

  /** Over all rows of the task, for one block of columns. */
  emit(group: ColumnGroup, block: Local, lanes: number, chunk: Local, rowRange: Range): void {
    const { f, t } = this;
    const { rows } = t;
    const { contraction: c, panels, splits, view } = this.o;
    const { bytes } = f.numbers;
    const { box } = view;
    const inGroup = f.local("i32");
    f.get(block).i32(group.block).op("i32.sub").set(inGroup);
    const bAddress = f.local("i32");
    f.i32(panels.address + bytes * panels.groupOffset(group));
    f.get(inGroup)
      .i32(bytes * panels.blockFactor(group))
      .op("i32.mul", "i32.add");
    const along = (each: Axis, variable: Local | undefined) => {
      const factor = panels.factorOf(each, group.columns);
      if (variable !== undefined && factor !== 0)
        f.get(variable)
          .i32(bytes * factor)
          .op("i32.mul", "i32.add");
    };
    for (const each of [...c.batch, ...splits]) along(each, this.t.variables.get(each));
    if (box !== undefined && this.t.blockInSum) along(box.blocked, this.t.blockStart);
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
    if (box === undefined || !this.t.blockInRows) walk(0, pointers);
    else {
      const at = f.local("i32");
      const factors = rowTables(view, this.t.written, this.t.reads).map((table) => table(box.blocked));
      f.get(this.t.blockStart).set(at);
      f.loop(() => {
        walk(0, pointers);
        this.advance(pointers, factors, 1);
        f.get(at).i32(1).op("i32.add").tee(at).get(this.t.blockEnd).op("i32.lt_s");
      });
      f.release(at);
    }
    f.release(bAddress, inGroup, ...pointers);
  }

  /** Addresses at the task's first row: of A, of the result, and of each read of the epilogue. */
  private pointers(group: ColumnGroup, inGroup: Local, chunk: Local): Local[] {
    const { f } = this;
    const { target, contraction: c, view, partials } = this.o;
    const { bytes } = f.numbers;
    const variables = new Map(this.t.variables);
    if (view.box !== undefined && this.t.blockInRows) variables.set(view.box.blocked, this.t.blockStart);
    const columns = () =>
      f
        .get(inGroup)
        .i32(bytes * group.columns)
        .op("i32.mul", "i32.add")
        .i32(bytes * group.from)
        .op("i32.add");
    const a = f.local("i32");
    if (this.t.boxAddress !== undefined) f.get(this.t.boxAddress);
    else {
      const layout = target.layoutOf(c.a.operand);
      const linear = linearIndex(c.a.at, layout);
      f.i32(target.address({ ...layout, offset: 0 }) + bytes * linear.constant);
      addTerms(f, linear, variables, bytes);
      target.addThread(f, layout);
    }
    f.set(a);
    const out = f.local("i32");
    f.i32(this.t.outAddress + bytes * this.t.written.constant);
    addTerms(f, this.t.written, variables, bytes);
    if (partials !== undefined)
      f.get(chunk)
        .i32(bytes * partials.layout.strides[0])
        .op("i32.mul", "i32.add");
    columns();
    if (partials === undefined) target.addThread(f, this.o.layout);
    f.set(out);
    const reads = this.t.reads.map(({ linear, address }) => {
      const local = f.local("i32");
      f.i32(address + bytes * linear.constant);
      addTerms(f, linear, variables, bytes);
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
        vectors: group.columns / f.numbers.lanes,
        rowFactors,
        steps: this.steps(group.columns),
        reads: this.t.reads,
        accumulates,
        bare: partials !== undefined,
        parking: this.t.parked !== undefined,
      });
      this.tiles.set(key, tile);
    }
    f.get(pointers[0]).get(bAddress);
    for (const pointer of pointers.slice(1)) f.get(pointer);
    const blocked = this.t.blockInSum ? this.o.view.box?.blocked : undefined;
    const length = this.o.sumInTile.reduce(
      (product, each) => (each === blocked ? product : product * each.extent),
      1,
    );
    if (blocked === undefined) f.i32(length);
    else f.get(this.t.blockEnd).get(this.t.blockStart).op("i32.sub").i32(length).op("i32.mul");
    if (this.t.parked !== undefined) f.get(this.t.parked);
    f.call(tile);
  }

  /** Offsets in A and B at each step of the sum, for panels of so many columns. */
  private steps(columns: number): Steps {
    const known = this.tables.get(columns);
    if (known !== undefined) return known;
    const { target, view, panels, sumInTile } = this.o;
    const { bytes } = target.numbers;
    const blocked = this.t.blockInSum ? view.box?.blocked : undefined;
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
      if (stepOfA === undefined) words.push(bytes * a[i]);
      if (stepOfB === undefined) words.push(bytes * b[i]);
    }
    const steps = { a: stepOfA, b: stepOfB, table: words.length === 0 ? 0 : target.table(words) };
    this.tables.set(columns, steps);
    return steps;
  }

  private advance(pointers: readonly Local[], factors: readonly number[], places: number): void {
    const { f } = this;
    const { bytes } = f.numbers;
    for (const [i, pointer] of pointers.entries())
      if (factors[i] !== 0)
        f.get(pointer)
          .i32(bytes * places * factors[i])
          .op("i32.add")
          .set(pointer);
  }

  /** Copies of pointers, `places` places on. */
  private moved(pointers: readonly Local[], factors: readonly number[], places: Bound): Local[] {
    const { f } = this;
    const { bytes } = f.numbers;
    return pointers.map((pointer, i) => {
      const local = f.local("i32");
      f.get(pointer);
      if (places !== 0 && factors[i] !== 0) {
        this.push(places);
        f.i32(bytes * factors[i]).op("i32.mul", "i32.add");
      }
      f.set(local);
      return local;
    });
  }

  private push(value: Bound): void {
    if (typeof value === "number") this.f.i32(value);
    else this.f.get(value);
  }
}

function constantStep(offsets: readonly number[]): number | undefined {
  const step = offsets.length > 1 ? offsets[1] - offsets[0] : 0;
  return offsets.every((offset, i) => offset === i * step) ? step : undefined;
}
