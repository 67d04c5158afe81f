/**
 * Renders maps, windows and small reductions: loops around four lanes at a time.
 *
 * The outer axes are one count of iterations, cut into tasks; inside run a vector loop and a row loop, in the order that
 * the schedule chose. A value is computed at the outermost loop it depends on. Small windows are unrolled. Lanes beyond
 * the last element are computed like the others and not stored, so reads may touch a few numbers beyond a tensor's end.
 */

import { type Part, visit } from "../formula.ts";
import { type Axis, Index, index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { type Access, type Nest, type Output, scheduleNest } from "../schedule-nest.ts";
import type { Value } from "../value.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { emitRandom } from "./random.ts";
import type { Launch, Target } from "./target.ts";
import { emitElementwise } from "./values.ts";

/** Windows of up to this many places are unrolled. */
const unrollLimit = 32;
/** Numbers of output that a task should produce: small enough to balance threads, and for its operands to fit in L1. */
const taskElements = 4096;

/**
 * Renders parts over the same axes, each into its own layout, as one kernel. Values of axes in `given`, which the parts
 * hold but do not loop over, are its third and further parameters.
 */
export function renderNest(
  target: Target,
  parts: readonly { part: Part; layout: Layout }[],
  given: readonly Axis[] = [],
): Launch {
  const nest = scheduleNest(parts, (operand) => target.layoutOf(operand));
  return new NestRenderer(target, nest, given).render();
}

type Key = string;

class NestRenderer {
  private readonly target: Target;
  private readonly nest: Nest;
  private readonly f: FunctionBuilder;
  /** Values known at the present place, by what they are; left behind when their loop ends. */
  private known = new Map<Key, Local>();
  private readonly loops = new Map<Axis, Local>();
  /** Axes of unrolled windows and what they are now. */
  private readonly fixed = new Map<Axis, number>();
  private readonly keys = new Map<Value, Key>();
  private readonly axisNumbers = new Map<Axis, number>();
  private readonly levels = new Map<Axis, number>();

  constructor(target: Target, nest: Nest, given: readonly Axis[]) {
    this.target = target;
    this.nest = nest;
    this.f = target.kernel(given.length);
    for (const [i, each] of given.entries()) {
      this.loops.set(each, this.f.parameter(2 + i));
      this.levels.set(each, 0);
    }
    const { outer, row, vector, vectorOutside } = nest;
    for (const each of outer) this.levels.set(each, 0);
    if (row !== undefined) this.levels.set(row, vectorOutside ? 2 : 1);
    if (vector !== undefined) this.levels.set(vector, vectorOutside ? 1 : row === undefined ? 1 : 2);
  }

  render(): Launch {
    const { f, nest } = this;
    const { outer, row, vector } = nest;
    const task = f.parameter(0);
    const inner = (row?.extent ?? 1) * (vector?.extent ?? 1);
    const work = inner * Math.max(1, this.windowSize());
    const iterations = outer.reduce((product, each) => product * each.extent, 1);
    let tasks: number;
    if (outer.length > 0) {
      const perTask = Math.max(1, Math.floor(taskElements / work));
      tasks = Math.ceil(iterations / perTask);
      const [at, end] = [f.local("i32"), f.local("i32")];
      f.get(task).i32(perTask).op("i32.mul").set(at);
      this.minimum(() => f.get(at).i32(perTask).op("i32.add"), iterations, end);
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
      const perTask = Math.max(4, Math.floor(taskElements / Math.max(1, this.windowSize()) / 4) * 4);
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
    this.minimum(() => f.get(from).i32(perTask).op("i32.add"), extent, to);
    return [from, to];
  }

  private minimum(a: () => void, b: number, into: Local): void {
    const { f } = this;
    a();
    f.set(into).get(into).i32(b).get(into).i32(b).op("i32.lt_s", "select").set(into);
  }

  /** Iterations of the largest reduction inside. */
  private windowSize(): number {
    let size = 1;
    for (const axes of this.nest.reductions.values())
      size = Math.max(
        size,
        axes.reduce((product, each) => product * each.extent, 1),
      );
    return size;
  }

  /** Sets the outer axes' variables from one count. */
  private decode(axes: readonly Axis[], count: Local): void {
    const { f } = this;
    const rest = f.local("i32");
    f.get(count).set(rest);
    for (const each of axes.toReversed()) {
      let variable = this.loops.get(each);
      if (variable === undefined) {
        variable = f.local("i32");
        this.loops.set(each, variable);
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
    this.scoped(() => {
      this.hoist(0);
      if (vectorOutside) vectorLoop(1, (lanes) => rowLoop(2, () => this.store(lanes)));
      else rowLoop(1, () => vectorLoop(row === undefined ? 1 : 2, (lanes) => this.store(lanes)));
    });
  }

  private rowLoop(row: Axis, [from, to]: Range, level: number, inside: () => void): void {
    const { f } = this;
    const at = f.local("i32");
    this.loops.set(row, at);
    this.push(from);
    f.set(at);
    f.loop(() => {
      this.scoped(() => {
        this.hoist(level);
        inside();
      });
      f.get(at).i32(1).op("i32.add").tee(at);
      this.push(to);
      f.op("i32.lt_s");
    });
    this.loops.delete(row);
    f.release(at);
  }

  /** Full vectors in a loop, then what is left over. */
  private vectorLoop(vector: Axis, [from, to]: Range, level: number, inside: (lanes: number) => void): void {
    const { f } = this;
    const at = f.local("i32");
    this.loops.set(vector, at);
    this.push(from);
    f.set(at);
    const isStatic = typeof from === "number" && typeof to === "number";
    const length = isStatic ? to - from : undefined;
    const run = (lanes: number) =>
      this.scoped(() => {
        this.hoist(level);
        inside(lanes);
      });
    if (length === undefined || length >= 4) {
      const end = f.local("i32");
      this.push(to);
      f.i32(3).op("i32.sub").set(end);
      f.loop(() => {
        run(4);
        f.get(at).i32(4).op("i32.add").tee(at).get(end).op("i32.lt_s");
      });
      f.release(end);
    }
    if (length !== undefined && length % 4 > 0) run(length % 4);
    this.loops.delete(vector);
    f.release(at);
  }

  private push(value: number | Local): void {
    if (typeof value === "number") this.f.i32(value);
    else this.f.get(value);
  }

  /** Runs `inside`; what it learned is forgotten after. */
  private scoped(inside: () => void): void {
    const before = this.known;
    this.known = new Map(before);
    inside();
    this.known = before;
  }

  /** Computes what depends on loops up to `level`, and is wanted further inside. */
  private hoist(level: number): void {
    const deepest = Math.max(0, ...[...this.levels.values()]);
    if (level >= deepest) return;
    const walk = (value: Value, inReduction: boolean) => {
      const { node } = value;
      if (node.kind === "constant" || node.kind === "scalar") return;
      if (this.levelOf(value) <= level && !this.usesFreeReductionAxis(value)) {
        this.materialise(value);
        return;
      }
      if (node.kind === "read") this.pointer(value, level);
      if (node.kind === "reduce") walk(node.body, true);
      for (const child of operandsOf(value)) walk(child, inReduction);
    };
    for (const { value } of this.nest.outputs) walk(value, false);
  }

  /** The deepest of the loops that a value needs. */
  private levelOf(value: Value): number {
    let level = 0;
    for (const each of this.axesOf(value)) level = Math.max(level, this.levels.get(each) ?? 0);
    return level;
  }

  private usesFreeReductionAxis(value: Value): boolean {
    const bound = new Set<Axis>();
    visit(value, (each) => {
      for (const axis of this.nest.reductions.get(each) ?? []) bound.add(axis);
    });
    for (const each of this.axesOf(value)) if (!this.levels.has(each) && !bound.has(each)) return true;
    return false;
  }

  private axesOf(value: Value): Set<Axis> {
    const axes = new Set<Axis>();
    visit(value, (each) => {
      const access = this.nest.accesses.get(each);
      access?.linear.collectAxes(axes);
      for (const { at } of access?.guards ?? []) at.collectAxes(axes);
      this.nest.counters.get(each)?.collectAxes(axes);
    });
    return axes;
  }

  private store(lanes: number): void {
    const { nest } = this;
    const values = nest.outputs.map(({ value }) => this.materialise(value));
    for (const [i, output] of nest.outputs.entries()) this.storeOne(output, values[i], lanes);
  }

  private storeOne({ linear, layout }: Output, value: Local, lanes: number): void {
    const { f, nest } = this;
    const [factor, plain] = nest.vector === undefined ? [1, true] : this.alongLanes(linear);
    if (plain && (factor === 1 || lanes === 1)) {
      const address = f.local("i32");
      this.address(linear, layout);
      f.set(address).storeLanes(address, value, lanes);
      f.release(address);
      return;
    }
    for (let lane = 0; lane < lanes; lane++) {
      this.address(this.shifted(linear, lane), layout);
      f.get(value).extractLane(lane).memory("f32.store");
    }
  }

  /** The step between lanes, and whether that is all that lanes change. */
  private alongLanes(linear: Index): [factor: number, plain: boolean] {
    const { vector } = this.nest;
    if (vector === undefined) return [0, true];
    const plain = linear.terms.every(({ atom }) => {
      if (atom.kind === "axis") return true;
      const inside = new Set<Axis>();
      atom.index.collectAxes(inside);
      return !inside.has(vector);
    });
    return [linear.factorOf(vector), plain];
  }

  /** `linear` for the lane after the vector axis's place. */
  private shifted(linear: Index, lane: number): Index {
    const { vector } = this.nest;
    return vector === undefined ? linear : linear.substitute(new Map([[vector, index(vector).plus(lane)]]));
  }

  /** Leaves an index's value on the stack. */
  private integer(of: Index): void {
    const { f } = this;
    let constant = of.constant;
    let first = true;
    for (const { atom, factor } of of.terms) {
      if (atom.kind === "axis") {
        const fixed = this.fixed.get(atom);
        if (fixed !== undefined) {
          constant += fixed * factor;
          continue;
        }
        const variable = this.loops.get(atom);
        if (variable === undefined) throw new Error(`axis ${atom.name} has no loop`);
        f.get(variable);
      } else {
        // Indices that are divided may be negative: shift them up by a multiple of the divisor, then back.
        const [low] = atom.index.range();
        const shift = low < 0 ? Math.ceil(-low / atom.divisor) : 0;
        this.integer(atom.index.plus(shift * atom.divisor));
        f.i32(atom.divisor).op(atom.kind === "floorDiv" ? "i32.div_s" : "i32.rem_s");
        if (atom.kind === "floorDiv" && shift !== 0) f.i32(shift).op("i32.sub");
      }
      if (factor !== 1) f.i32(factor).op("i32.mul");
      if (!first) f.op("i32.add");
      first = false;
    }
    if (first) f.i32(constant);
    else if (constant !== 0) f.i32(constant).op("i32.add");
  }

  /** Leaves the address of a place on the stack; `linear` counts from the start of the layout's memory. */
  private address(linear: Index, layout: Layout): void {
    this.integer(linear.times(4).plus(this.target.address({ ...layout, offset: 0 })));
    this.target.addThread(this.f, layout);
  }

  /**
   * The address of a read without what changes inside deeper loops: a local that later addresses start from. Windows
   * that are unrolled differ by constants alone and share it.
   */
  private pointer(value: Value, level: number): Local | undefined {
    const access = this.nest.accesses.get(value);
    if (access === undefined || access.linear.terms.length === 0) return undefined;
    const terms = access.linear.terms.filter(
      ({ atom }) => atom.kind === "axis" && this.levels.has(atom) && (this.levels.get(atom) ?? 0) <= level,
    );
    if (terms.length === 0) return undefined;
    const key = `p${this.termsKey(terms)}@${access.layout.buffer}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const local = this.f.local("i32");
    this.address(new Index(terms, 0), access.layout);
    this.f.set(local);
    this.known.set(key, local);
    return local;
  }

  private termsKey(terms: Index["terms"]): string {
    return terms
      .map(
        ({ atom, factor }) =>
          `${atom.kind === "axis" ? this.axisNumber(atom) : this.atomKey(atom)}*${factor}`,
      )
      .sort()
      .join("+");
  }

  private atomKey(atom: Exclude<Index["terms"][number]["atom"], Axis>): string {
    return `${atom.kind}(${this.indexKey(atom.index)},${atom.divisor})`;
  }

  private indexKey(of: Index): string {
    let constant = of.constant;
    const open = of.terms.filter(({ atom, factor }) => {
      const fixed = atom.kind === "axis" ? this.fixed.get(atom) : undefined;
      if (fixed !== undefined) constant += fixed * factor;
      return fixed === undefined;
    });
    return `${this.termsKey(open)}+${constant}`;
  }

  private axisNumber(axis: Axis): number {
    let number = this.axisNumbers.get(axis);
    if (number === undefined) {
      number = this.axisNumbers.size;
      this.axisNumbers.set(axis, number);
    }
    return number;
  }

  /** What a value is, as text: equal text means equal value at the same place. */
  private keyOf(value: Value): Key {
    if (this.fixed.size === 0) {
      const known = this.keys.get(value);
      if (known !== undefined) return known;
    }
    const { node } = value;
    let key: Key;
    const access = this.nest.accesses.get(value);
    const counter = this.nest.counters.get(value);
    if (access !== undefined)
      key = `r${access.layout.buffer}[${this.indexKey(access.linear)}]${access.guards.map((g) => `${this.indexKey(g.at)}<${g.extent}`).join()}:${access.fill}`;
    else if (counter !== undefined)
      key = `${node.kind}${node.kind === "random" ? node.stream : ""}(${this.indexKey(counter)})`;
    else if (node.kind === "constant") key = `c${node.value}`;
    else if (node.kind === "scalar") key = `s${node.name}`;
    else if (node.kind === "reduce")
      key = `${node.operator}<${(this.nest.reductions.get(value) ?? []).map((a) => this.axisNumber(a)).join()}>(${this.keyOf(node.body)})`;
    else
      key = `${"operator" in node ? node.operator : node.kind}(${operandsOf(value)
        .map((child) => this.keyOf(child))
        .join()})`;
    if (this.fixed.size === 0) this.keys.set(value, key);
    return key;
  }

  /** A local that holds the value's four lanes. */
  private materialise(value: Value): Local {
    const key = this.keyOf(value);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const { node } = value;
    if (node.kind === "reduce") return this.reduce(value, key);
    const { f } = this;
    const access = this.nest.accesses.get(value);
    const counter = this.nest.counters.get(value);
    const result = f.local("v128");
    if (access !== undefined) this.read(access);
    else if (node.kind === "random" && counter !== undefined)
      emitRandom(f, this.target.map.scalarsAddress, node.stream, () => this.lanes(counter));
    else if (counter !== undefined) {
      this.lanes(counter);
      f.op("f32x4.convert_i32x4_s");
    } else
      emitElementwise(f, this.target.math, this.target.map.scalarsAddress, value, (operand) => {
        if (operand.node.kind === "constant") f.v128f32(operand.node.value);
        else this.prepared(operand);
      });
    f.set(result);
    this.known.set(key, result);
    return result;
  }

  /** Pushes a value's lanes. Its instructions may stand between those of its user: operands go through locals. */
  private prepared(value: Value): void {
    const local = this.materialise(value);
    this.f.get(local);
  }

  /** Pushes an index at each of the four lanes, as integers. */
  private lanes(of: Index): void {
    const { f } = this;
    const [factor, plain] = this.alongLanes(of);
    if (plain) {
      this.integer(of);
      f.op("i32x4.splat");
      if (factor !== 0) f.v128i32(0, factor, 2 * factor, 3 * factor).op("i32x4.add");
      return;
    }
    // Lane by lane through scratch-free shuffles: splat each and keep one lane.
    const all = f.local("v128");
    f.v128i32(0, 0, 0, 0).set(all);
    for (let lane = 0; lane < 4; lane++) {
      this.integer(this.shifted(of, lane));
      f.op("i32x4.splat");
      const mask: [number, number, number, number] = [0, 0, 0, 0];
      mask[lane] = -1;
      f.v128i32(...mask)
        .op("v128.and")
        .get(all)
        .op("v128.or")
        .set(all);
    }
    f.get(all);
    f.release(all);
  }

  private read(access: Access): void {
    const { f } = this;
    const scalarGuards = access.guards.filter(({ at }) => {
      const [factor, plain] = this.alongLanes(at);
      return plain && factor === 0;
    });
    const laneGuards = access.guards.filter((guard) => !scalarGuards.includes(guard));
    if (laneGuards.length === 0 && scalarGuards.length === 0) {
      this.load(access);
      return;
    }
    const guarded = () => {
      if (laneGuards.length === 0) {
        this.load(access);
        return;
      }
      this.load(access);
      f.v128f32(access.fill);
      for (const [i, { at, extent }] of laneGuards.entries()) {
        this.lanes(at);
        f.v128i32(-1, -1, -1, -1).op("i32x4.gt_s");
        this.lanes(at);
        f.v128i32(extent, extent, extent, extent).op("i32x4.lt_s", "v128.and");
        if (i > 0) f.op("v128.and");
      }
      f.op("v128.bitselect");
    };
    if (scalarGuards.length === 0) {
      guarded();
      return;
    }
    for (const [i, { at, extent }] of scalarGuards.entries()) {
      this.integer(at);
      f.i32(extent).op("i32.lt_u");
      if (i > 0) f.op("i32.and");
    }
    // Pointers found inside the branch would be unknown beside it.
    f.if(
      () => this.scoped(guarded),
      () => f.v128f32(access.fill),
      "v128",
    );
  }

  private load(access: Access): void {
    const { f } = this;
    const [factor, plain] = this.alongLanes(access.linear);
    if (!plain) {
      // Each lane finds its own place; beyond the last element the lanes repeat it.
      const result = f.local("v128");
      f.v128i32(0, 0, 0, 0).set(result);
      for (let lane = 0; lane < 4; lane++) {
        this.clampedAddress(access.linear, lane, access.layout);
        f.get(result).loadLane(lane).set(result);
      }
      f.get(result);
      f.release(result);
      return;
    }
    const deepest = Math.max(0, ...[...this.levels.values()]);
    let pointer: Local | undefined;
    for (let level = deepest - 1; level >= 0 && pointer === undefined; level--) {
      const terms = access.linear.terms.filter(
        ({ atom }) => atom.kind === "axis" && this.levels.has(atom) && (this.levels.get(atom) ?? 0) <= level,
      );
      pointer = this.known.get(`p${this.termsKey(terms)}@${access.layout.buffer}`);
      if (pointer === undefined) continue;
      f.get(pointer);
      const rest = new Index(
        access.linear.terms.filter((term) => !terms.includes(term)),
        access.linear.constant,
      ).times(4);
      const isZero = rest.terms.length === 0 && rest.constant === 0;
      if (!isZero) {
        this.integer(rest);
        f.op("i32.add");
      }
    }
    if (pointer === undefined) this.address(access.linear, access.layout);
    if (factor === 1) f.memory("v128.load");
    else if (factor === 0) f.memory("v128.load32_splat");
    else {
      this.target.slackBytes = Math.max(this.target.slackBytes, 16 * Math.abs(factor) + 64);
      const address = f.local("i32");
      f.set(address).get(address).memory("v128.load32_zero");
      const result = f.local("v128");
      f.set(result);
      for (let lane = 1; lane < 4; lane++)
        f.get(address)
          .i32(4 * lane * factor)
          .op("i32.add")
          .get(result)
          .loadLane(lane)
          .set(result);
      f.get(result);
      f.release(address, result);
    }
  }

  private clampedAddress(linear: Index, lane: number, layout: Layout): void {
    const { f, nest } = this;
    const { vector } = nest;
    const at = vector === undefined ? undefined : this.loops.get(vector);
    if (vector === undefined || at === undefined || lane === 0) {
      this.address(linear, layout);
      return;
    }
    const moved = f.local("i32");
    this.minimum(() => f.get(at).i32(lane).op("i32.add"), vector.extent - 1, moved);
    this.loops.set(vector, moved);
    this.address(linear, layout);
    this.loops.set(vector, at);
    f.release(moved);
  }

  /** A reduction, together with all others over the same axes that can run in its loops. */
  private reduce(value: Value, key: Key): Local {
    const axes = this.nest.reductions.get(value) ?? [];
    const mates = this.matesOf(value, axes);
    const { f } = this;
    const accumulators = mates.map((mate) => {
      const accumulator = f.local("v128");
      const isSum = mate.node.kind === "reduce" && mate.node.operator === "sum";
      f.v128f32(isSum ? 0 : Number.NEGATIVE_INFINITY).set(accumulator);
      return accumulator;
    });
    const places = mates.map((mate) => {
      if (mate.node.kind !== "reduce" || mate.node.operator !== "argmax") return undefined;
      const place = f.local("v128");
      f.v128f32(0).set(place);
      return place;
    });
    const once = () => {
      for (const [i, mate] of mates.entries()) {
        if (mate.node.kind !== "reduce") continue;
        this.accumulate(mate.node.operator, mate.node.body, accumulators[i], places[i], axes);
      }
    };
    const size = axes.reduce((product, each) => product * each.extent, 1);
    if (size <= unrollLimit) this.unrolled(axes, once);
    else this.looped(axes, once);
    for (const [i, mate] of mates.entries()) this.known.set(this.keyOf(mate), places[i] ?? accumulators[i]);
    return this.known.get(key) ?? accumulators[0];
  }

  private matesOf(value: Value, axes: readonly Axis[]): Value[] {
    const mates = [value];
    for (const output of this.nest.outputs)
      visit(output.value, (each) => {
        const shares = this.nest.reductions.get(each) === axes && each !== value;
        if (shares && !this.known.has(this.keyOf(each)) && this.levelOf(each) === this.levelOf(value))
          mates.push(each);
      });
    return mates.filter(
      (each, i) => mates.findIndex((other) => this.keyOf(other) === this.keyOf(each)) === i,
    );
  }

  private accumulate(
    operator: "sum" | "max" | "argmax",
    body: Value,
    accumulator: Local,
    place: Local | undefined,
    axes: readonly Axis[],
  ): void {
    const { f } = this;
    const term = this.materialise(body);
    if (operator === "sum") f.get(accumulator).get(term).op("f32x4.add").set(accumulator);
    else if (place === undefined) f.get(accumulator).get(term).op("f32x4.max").set(accumulator);
    else {
      const wins = f.local("v128");
      f.get(term).get(accumulator).op("f32x4.gt");
      f.get(term)
        .get(term)
        .op("f32x4.ne")
        .get(accumulator)
        .get(accumulator)
        .op("f32x4.eq", "v128.and", "v128.or");
      f.set(wins);
      f.get(term).get(accumulator).get(wins).op("v128.bitselect").set(accumulator);
      let position = index(0);
      for (const each of axes) position = position.times(each.extent).plus(each);
      this.integer(position);
      f.op("i32x4.splat", "f32x4.convert_i32x4_s").get(place).get(wins).op("v128.bitselect").set(place);
      f.release(wins);
    }
  }

  private unrolled(axes: readonly Axis[], once: () => void): void {
    const [first, ...rest] = axes;
    if (first === undefined) {
      once();
      return;
    }
    for (let at = 0; at < first.extent; at++) {
      this.fixed.set(first, at);
      this.unrolled(rest, once);
    }
    this.fixed.delete(first);
  }

  private looped(axes: readonly Axis[], once: () => void): void {
    const [first, ...rest] = axes;
    if (first === undefined) {
      once();
      return;
    }
    const { f } = this;
    const at = f.local("i32");
    this.loops.set(first, at);
    f.i32(0).set(at);
    f.loop(() => {
      this.scoped(() => this.looped(rest, once));
      f.get(at).i32(1).op("i32.add").tee(at).i32(first.extent).op("i32.lt_s");
    });
    this.loops.delete(first);
    f.release(at);
  }
}

type Range = readonly [number | Local, number | Local];

function operandsOf({ node }: Value): readonly Value[] {
  if (node.kind === "unary") return [node.a];
  if (node.kind === "binary" || node.kind === "compare") return [node.a, node.b];
  if (node.kind === "select") return [node.condition, node.a, node.b];
  return [];
}
