/**
 * Values of a nest as instructions. Each is computed once at the outermost loop it depends on and held in a local; windows
 * are unrolled, longer reductions loop, and reductions over the same axes share their loops.
 */

import { children, visit } from "../formula.ts";
import { type Axis, extentOf, index } from "../index-expression.ts";
import { dependences, type Nest, type Output } from "../schedule-nest.ts";
import type { Value } from "../value.ts";
import { Accesses, Known } from "./accesses.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { Indices } from "./indices.ts";
import { emitRandom } from "./random.ts";
import type { Target } from "./target.ts";
import { emitElementwise } from "./values.ts";

/** Windows of up to this many places are unrolled. */
const unrollLimit = 32;

type Key = string;

export class NestValues {
  readonly indices: Indices;
  readonly known = new Known();
  private readonly target: Target;
  private readonly nest: Nest;
  private readonly f: FunctionBuilder;
  private readonly accesses: Accesses;
  /** How deep the loop of each axis lies: 0 for those outside the vector and the row loop. */
  private readonly levels: ReadonlyMap<Axis, number>;
  /** Loops that a value depends on. */
  private readonly axesOf: (value: Value) => ReadonlySet<Axis>;
  private readonly keys = new Map<Value, Key>();

  constructor(f: FunctionBuilder, target: Target, nest: Nest, levels: ReadonlyMap<Axis, number>) {
    this.f = f;
    this.target = target;
    this.nest = nest;
    this.levels = levels;
    this.axesOf = dependences(nest);
    this.indices = new Indices(f, target, nest.vector);
    this.accesses = new Accesses(target, this.indices, this.known, levels);
  }

  /** Computes all outputs at the present place and stores their first `lanes` lanes. */
  store(lanes: number): void {
    const { outputs } = this.nest;
    const values = outputs.map(({ value }: Output) => this.materialise(value));
    for (const [i, output] of outputs.entries()) this.accesses.store(output, values[i], lanes);
  }

  /** Computes what depends on loops up to `level`, and is wanted further inside. */
  hoist(level: number): void {
    const deepest = Math.max(0, ...[...this.levels.values()]);
    if (level >= deepest) return;
    const walked = new Set<Value>();
    const walk = (value: Value) => {
      const { node } = value;
      if (node.kind === "constant" || node.kind === "scalar" || walked.has(value)) return;
      walked.add(value);
      if (this.levelOf(value) <= level && !this.usesFreeReductionAxis(value)) {
        this.materialise(value);
        return;
      }
      const access = this.nest.accesses.get(value);
      if (access !== undefined) this.accesses.prepare(access, level);
      for (const child of children(value)) walk(child);
    };
    for (const { value } of this.nest.outputs) walk(value);
  }

  /** The deepest of the loops that a value needs. */
  private levelOf(value: Value): number {
    let level = 0;
    for (const each of this.axesOf(value)) level = Math.max(level, this.levels.get(each) ?? 0);
    return level;
  }

  private usesFreeReductionAxis(value: Value): boolean {
    for (const each of this.axesOf(value)) if (!this.levels.has(each)) return true;
    return false;
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
    if (access !== undefined) this.accesses.read(access);
    else if (node.kind === "random" && counter !== undefined)
      emitRandom(f, this.target.map.scalarsAddress, node.stream, () => this.indices.lanes(counter));
    else if (counter !== undefined) {
      this.indices.lanes(counter);
      f.op("vector.convert_i32x4_s");
    } else
      emitElementwise(f, this.target.math, this.target.map.scalarsAddress, value, (operand) => {
        if (operand.node.kind === "constant") f.vector(operand.node.value);
        else f.get(this.materialise(operand));
      });
    f.set(result);
    this.known.set(key, result);
    return result;
  }

  /** What a value is, as text: equal text means equal value at the same place. */
  private keyOf(value: Value): Key {
    if (this.indices.fixed.size === 0) {
      const known = this.keys.get(value);
      if (known !== undefined) return known;
    }
    const { node } = value;
    let key: Key;
    const access = this.nest.accesses.get(value);
    const counter = this.nest.counters.get(value);
    if (access !== undefined)
      key = `r${access.layout.buffer}[${this.indices.indexKey(access.linear)}]${access.guards.map((g) => `${this.indices.indexKey(g.at)}<${g.extent}`).join()}:${access.fill}`;
    else if (counter !== undefined)
      key = `${node.kind}${node.kind === "random" ? node.stream : ""}(${this.indices.indexKey(counter)})`;
    else if (node.kind === "constant") key = `c${node.value}`;
    else if (node.kind === "scalar") key = `s${node.name}`;
    else if (node.kind === "reduce")
      key = `${node.operator}<${(this.nest.reductions.get(value) ?? []).map((a) => this.indices.axisNumber(a)).join()}>(${this.keyOf(node.body)})`;
    else
      key = `${"operator" in node ? node.operator : node.kind}(${children(value)
        .map((child) => this.keyOf(child))
        .join()})`;
    if (this.indices.fixed.size === 0) this.keys.set(value, key);
    return key;
  }

  /** A reduction, together with all others over the same axes that can run in its loops. */
  private reduce(value: Value, key: Key): Local {
    const axes = this.nest.reductions.get(value) ?? [];
    const mates = this.matesOf(value, axes);
    const { f } = this;
    const accumulators = mates.map((mate) => {
      const accumulator = f.local("v128");
      const isSum = mate.node.kind === "reduce" && mate.node.operator === "sum";
      f.vector(isSum ? 0 : Number.NEGATIVE_INFINITY).set(accumulator);
      return accumulator;
    });
    const places = mates.map((mate) => {
      if (mate.node.kind !== "reduce" || mate.node.operator !== "argmax") return undefined;
      const place = f.local("v128");
      f.vector(0).set(place);
      return place;
    });
    const once = () => {
      for (const [i, mate] of mates.entries()) {
        if (mate.node.kind !== "reduce") continue;
        this.accumulate(mate.node.operator, mate.node.body, accumulators[i], places[i], axes);
      }
    };
    const size = extentOf(axes);
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
        if (
          shares &&
          this.known.get(this.keyOf(each)) === undefined &&
          this.levelOf(each) === this.levelOf(value)
        )
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
    if (operator === "sum") f.get(accumulator).get(term).op("vector.add").set(accumulator);
    else if (place === undefined) f.get(accumulator).get(term).op("vector.max").set(accumulator);
    else {
      const wins = f.local("v128");
      f.get(term).get(accumulator).op("vector.gt");
      f.get(term)
        .get(term)
        .op("vector.ne")
        .get(accumulator)
        .get(accumulator)
        .op("vector.eq", "v128.and", "v128.or");
      f.set(wins);
      f.get(term).get(accumulator).get(wins).op("v128.bitselect").set(accumulator);
      let position = index(0);
      for (const each of axes) position = position.times(each.extent).plus(each);
      this.indices.integer(position);
      f.op("i32x4.splat", "vector.convert_i32x4_s").get(place).get(wins).op("v128.bitselect").set(place);
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
      this.indices.fixed.set(first, at);
      this.unrolled(rest, once);
    }
    this.indices.fixed.delete(first);
  }

  private looped(axes: readonly Axis[], once: () => void): void {
    const [first, ...rest] = axes;
    if (first === undefined) {
      once();
      return;
    }
    const { f } = this;
    const at = f.local("i32");
    this.indices.loops.set(first, at);
    f.i32(0).set(at);
    f.loop(() => {
      this.known.scoped(() => this.looped(rest, once));
      f.get(at).i32(1).op("i32.add").tee(at).i32(first.extent).op("i32.lt_s");
    });
    this.indices.loops.delete(first);
    f.release(at);
  }
}
