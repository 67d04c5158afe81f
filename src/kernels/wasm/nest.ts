/**
 * Renders maps, windows and small reductions: loops around the lanes of a vector.
 *
 * The outer axes are one count of iterations, cut into tasks; inside run a vector loop and a row loop, in the order that
 * the schedule chose. A value is computed at the outermost loop it depends on. Small windows are unrolled. Lanes beyond
 * the last element are computed like the others and not stored, so reads may touch a few numbers beyond a tensor's end.
 */

import { type Axis, extentOf } from "../index-expression.ts";
import { type Nest, type PlacedPart, scheduleNest } from "../schedule-nest.ts";
import { sideBySide } from "../side-by-side.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { NestValues } from "./nest-values.ts";
import type { Launch, Target } from "./target.ts";

/** Numbers of output that a task should produce: small enough to balance threads, and for its operands to fit in L1. */
const taskElements = 4096;

/**
 * Renders parts over the same axes, each into its own layout, as one kernel. Values of axes in `given`, which the parts
 * hold but do not loop over, are its third and further parameters.
 */
export function renderNest(
  target: Target,
  parts: readonly PlacedPart[],
  given: readonly Axis[] = [],
): Launch {
  const nest = scheduleNest(parts, (operand) => target.layoutOf(operand));
  return new NestRenderer(target, nest, given).render();
}

/** The same for maps along channels, their last axis, with two neighbouring vectors in each round where the runtime joins them: it goes by their stores. */
export function renderTransform(
  target: Target,
  parts: readonly PlacedPart[],
  given: readonly Axis[] = [],
): Launch {
  const { code, lanes } = target.vectors;
  const channels = parts[0].part.axes.at(-1)?.extent ?? 1;
  const fits = code === "joined" && channels % (2 * lanes) === 0;
  return renderNest(target, fits ? sideBySide(parts, 2, lanes) : parts, given);
}

/** A stretch of a loop: first place, and one after the last. */
type Range = readonly [number | Local, number | Local];

class NestRenderer {
  private readonly target: Target;
  private readonly nest: Nest;
  private readonly f: FunctionBuilder;
  private readonly values: NestValues;

  constructor(target: Target, nest: Nest, given: readonly Axis[]) {
    this.target = target;
    this.nest = nest;
    this.f = target.kernel(given.length);
    const { outer, row, vector, vectorOutside } = nest;
    const levels = new Map<Axis, number>();
    for (const each of [...given, ...outer]) levels.set(each, 0);
    if (row !== undefined) levels.set(row, vectorOutside ? 2 : 1);
    if (vector !== undefined) levels.set(vector, vectorOutside || row === undefined ? 1 : 2);
    this.values = new NestValues(this.f, target, nest, levels);
    for (const [i, each] of given.entries()) this.values.indices.loops.set(each, this.f.parameter(2 + i));
  }

  render(): Launch {
    const { f, nest } = this;
    const { outer, row, vector } = nest;
    const { lanes } = f.numbers;
    const task = f.parameter(0);
    const inner = (row?.extent ?? 1) * (vector?.extent ?? 1);
    const work = inner * Math.max(1, this.windowSize());
    const iterations = extentOf(outer);
    let tasks: number;
    if (outer.length > 0) {
      const perTask = Math.max(1, Math.floor(taskElements / work));
      tasks = Math.ceil(iterations / perTask);
      const [at, end] = [f.local("i32"), f.local("i32")];
      f.get(task).i32(perTask).op("i32.mul").set(at);
      this.values.indices.minimum(() => f.get(at).i32(perTask).op("i32.add"), iterations, end);
      f.loop(() => {
        this.decode(outer, at);
        this.body({ row: row && [0, row.extent], vector: vector && [0, vector.extent] });
        f.get(at).i32(1).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
    } else if (row !== undefined) {
      const perTask = Math.max(1, Math.floor(taskElements / (work / row.extent)));
      tasks = Math.ceil(row.extent / perTask);
      this.body({ row: this.range(perTask, row.extent), vector: vector && [0, vector.extent] });
    } else if (vector !== undefined) {
      const perTask = Math.max(
        lanes,
        Math.floor(taskElements / Math.max(1, this.windowSize()) / lanes) * lanes,
      );
      tasks = Math.ceil(vector.extent / perTask);
      if (vector.extent % perTask === 0 || tasks === 1)
        this.body({
          row: undefined,
          vector: tasks === 1 ? [0, vector.extent] : this.range(perTask, vector.extent),
        });
      else {
        // The last task is shorter and has a tail of its own.
        const last = (tasks - 1) * perTask;
        f.get(task)
          .i32(tasks - 1)
          .op("i32.eq");
        f.if(
          () => this.body({ row: undefined, vector: [last, vector.extent] }),
          () => this.body({ row: undefined, vector: this.range(perTask, vector.extent) }),
        );
      }
    } else {
      tasks = 1;
      this.body({ row: undefined, vector: undefined });
    }
    return { name: f.name, index: this.target.module.add(f), tasks };
  }

  /** First and end of the present task's share, as locals. */
  private range(perTask: number, extent: number): [Local, Local] {
    const { f } = this;
    const [from, to] = [f.local("i32"), f.local("i32")];
    f.get(f.parameter(0)).i32(perTask).op("i32.mul").set(from);
    this.values.indices.minimum(() => f.get(from).i32(perTask).op("i32.add"), extent, to);
    return [from, to];
  }

  /** Iterations of the largest reduction inside. */
  private windowSize(): number {
    let size = 1;
    for (const axes of this.nest.reductions.values()) size = Math.max(size, extentOf(axes));
    return size;
  }

  /** Sets the outer axes' variables from one count. */
  private decode(axes: readonly Axis[], count: Local): void {
    const { f } = this;
    const rest = f.local("i32");
    f.get(count).set(rest);
    for (const each of axes.toReversed()) {
      let variable = this.values.indices.loops.get(each);
      if (variable === undefined) {
        variable = f.local("i32");
        this.values.indices.loops.set(each, variable);
      }
      f.get(rest).i32(each.extent).op("i32.rem_u").set(variable);
      f.get(rest).i32(each.extent).op("i32.div_u").set(rest);
    }
    f.release(rest);
  }

  private body(ranges: { row: Range | undefined; vector: Range | undefined }): void {
    const { row, vector, vectorOutside } = this.nest;
    const vectorLoop = (level: number, inside: (lanes: number) => void) => {
      if (vector === undefined || ranges.vector === undefined) inside(1);
      else this.vectorLoop(vector, ranges.vector, level, inside);
    };
    const rowLoop = (level: number, inside: () => void) => {
      if (row === undefined || ranges.row === undefined) inside();
      else this.rowLoop(row, ranges.row, level, inside);
    };
    this.values.known.scoped(() => {
      this.values.hoist(0);
      if (vectorOutside) vectorLoop(1, (lanes) => rowLoop(2, () => this.values.store(lanes)));
      else rowLoop(1, () => vectorLoop(row === undefined ? 1 : 2, (lanes) => this.values.store(lanes)));
    });
  }

  private rowLoop(row: Axis, [from, to]: Range, level: number, inside: () => void): void {
    const { f } = this;
    const at = f.local("i32");
    this.values.indices.loops.set(row, at);
    this.push(from);
    f.set(at);
    f.loop(() => {
      this.values.known.scoped(() => {
        this.values.hoist(level);
        inside();
      });
      f.get(at).i32(1).op("i32.add").tee(at);
      this.push(to);
      f.op("i32.lt_s");
    });
    this.values.indices.loops.delete(row);
    f.release(at);
  }

  /** Full vectors in a loop, then what is left over. */
  private vectorLoop(vector: Axis, [from, to]: Range, level: number, inside: (lanes: number) => void): void {
    const { f } = this;
    const { lanes } = f.numbers;
    const at = f.local("i32");
    this.values.indices.loops.set(vector, at);
    this.push(from);
    f.set(at);
    const isStatic = typeof from === "number" && typeof to === "number";
    const length = isStatic ? to - from : undefined;
    const run = (stored: number) =>
      this.values.known.scoped(() => {
        this.values.hoist(level);
        inside(stored);
      });
    if (length === undefined || length >= lanes) {
      const end = f.local("i32");
      this.push(to);
      f.i32(lanes - 1)
        .op("i32.sub")
        .set(end);
      f.loop(() => {
        run(lanes);
        f.get(at).i32(lanes).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
      f.release(end);
    }
    if (length !== undefined && length % lanes > 0) run(length % lanes);
    this.values.indices.loops.delete(vector);
    f.release(at);
  }

  private push(value: number | Local): void {
    if (typeof value === "number") this.f.i32(value);
    else this.f.get(value);
  }
}
