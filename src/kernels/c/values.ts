/**
 * Values of the formula language as C: each is a variable, computed once in the outermost open loop that it depends on.
 *
 * Loops that are open have a level each: lines written so far and what is known there. Text of an inner loop joins its
 * outer level when it is closed, so a value that an inner loop wants can still be put before it.
 */

import { children } from "../formula.ts";
import type { Axis, Index } from "../index-expression.ts";
import { type Access, dependences, type Scheduled } from "../schedule-nest.ts";
import type { Value } from "../value.ts";
import { Indices } from "./indices.ts";
import { type Lanes, storing, vectorWidths } from "./library.ts";
import { isFlat, reduceTogether } from "./reductions.ts";
import type { CKernel } from "./target.ts";

/** A stretch of a loop, as C: first place, and one after the last. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

interface Level {
  readonly lines: string[];
  readonly known: Map<string, string>;
  /** The line before which each read was last used. */
  readonly reads: Map<string, number>;
  /** Where lanes run along an axis, which and how many. */
  readonly axes: readonly Axis[];
}

/** Lines for which a value that was read stays in a register; what comes in between takes as many. */
const linesInRegisters = 24;

const newLevel = (axes: readonly Axis[]): Level => ({ lines: [], known: new Map(), reads: new Map(), axes });

export class Values {
  private readonly kernel: CKernel;
  private readonly scheduled: Scheduled;
  private readonly levels: Level[] = [newLevel([])];
  /** Where things are, at the present place: names of axes, and which of them carries the lanes. */
  readonly indices: Indices;
  /** Loops that a value depends on. */
  private axesOf: (value: Value) => ReadonlySet<Axis>;
  private readonly keys = new Map<Value, string>();
  private readonly shortKeys = new Map<string, string>();
  private lanes: Lanes = 1;
  /** Lanes whose results are stored: the last vector of an axis may have more. */
  private stored = 1;
  /** Values that are given: the sum of a contraction in its epilogue, and there what a tile reads. */
  private readonly given = new Map<Value, { text: (lanes: number) => string; axes: ReadonlySet<Axis> }>();

  constructor(kernel: CKernel, scheduled: Scheduled) {
    this.kernel = kernel;
    this.scheduled = scheduled;
    this.indices = new Indices(kernel);
    this.axesOf = dependences(scheduled);
  }

  /** The lines of the outermost level. */
  get lines(): readonly string[] {
    return this.levels[0].lines;
  }

  /** A name that no other thing of the kernel has. */
  name(prefix: string): string {
    return this.kernel.name(prefix);
  }

  /** Adds a line to the innermost open level. */
  line(text: string): void {
    this.levels[this.levels.length - 1].lines.push(text);
  }

  /** Makes a value known; it depends on these axes. */
  give(value: Value, text: (lanes: number) => string, axes: readonly Axis[]): void {
    this.given.set(value, { text, axes: new Set(axes) });
    this.axesOf = dependences(this.scheduled, this.given);
  }

  /** Opens a level for `axes`, writes `inside`, and closes it between the two lines. */
  scoped(axes: readonly Axis[], open: string, inside: () => void): void {
    const level = newLevel(axes);
    this.levels.push(level);
    inside();
    this.levels.pop();
    this.line(open);
    this.levels[this.levels.length - 1].lines.push(...level.lines, "}");
  }

  /** A loop over an axis, from 0 to its extent where no range is given. */
  loop(axis: Axis, inside: () => void, isUnrolled = false, range?: Range): void {
    const name = this.indices.axisName(axis);
    const { from, to } = range ?? { from: "0", to: String(axis.extent) };
    const open = `for (long ${name} = ${from}; ${name} < ${to}; ${name}++) {`;
    this.scoped([axis], isUnrolled ? `#pragma GCC unroll ${axis.extent}\n${open}` : open, inside);
  }

  /** Loops over an axis in vectors: as many of the widest as there are, then the rest. */
  vectorLoop(axis: Axis, widest: Lanes, inside: () => void, range?: Range): void {
    const name = this.indices.axisName(axis);
    this.indices.vector = axis;
    const pass = (lanes: Lanes, open: string, stored: number = lanes) => {
      [this.lanes, this.stored] = [lanes, stored];
      this.scoped([axis], open, inside);
    };
    if (range !== undefined) {
      this.line(`{ long ${name} = ${range.from};`);
      pass(widest, `for (; ${name} + ${widest} <= ${range.to}; ${name} += ${widest}) {`);
      if (widest > 1) pass(1, `for (; ${name} < ${range.to}; ${name}++) {`);
      this.line("}");
    } else {
      const rest = axis.extent % this.kernel.target.machine.lanes;
      const whole = axis.extent - rest;
      if (whole === widest) pass(widest, `{ const long ${name} = 0;`);
      else if (whole > 0) pass(widest, `for (long ${name} = 0; ${name} < ${whole}; ${name} += ${widest}) {`);
      // A rest of one width, or all of it in a vector that is not full.
      const width = vectorWidths.findLast((each) => each >= rest) ?? widest;
      const isFilled = rest === width || this.readsOtherwise();
      for (let at = whole, lanes = width; at < axis.extent; at += lanes) {
        while (isFilled && lanes > axis.extent - at) lanes = (lanes / 2) as Lanes;
        pass(lanes, `{ const long ${name} = ${at};`, Math.min(lanes, axis.extent - at));
      }
    }
    this.indices.vector = undefined;
    this.lanes = 1;
  }

  /** Whether something is read at places that lanes put apart: lanes beyond the end of the axis could read beyond memory. */
  private readsOtherwise(): boolean {
    return [...this.scheduled.accesses.values()].some(({ linear }) => {
      const step = this.indices.stepAlongLanes(linear);
      return step !== 0 && step !== 1;
    });
  }

  /** A vector of an axis from one place on. */
  vectorAt(axis: Axis, lanes: Lanes, start: string, inside: () => void): void {
    this.indices.vector = axis;
    [this.lanes, this.stored] = [lanes, lanes];
    this.scoped([axis], `{ const long ${this.indices.axisName(axis)} = ${start};`, inside);
    this.indices.vector = undefined;
    this.lanes = 1;
  }

  /** Writes a value to its place in memory; `text` where it was emitted before. */
  store(value: Value, linear: Index, pointer: string, text = this.emit(value)): void {
    const { lanes, stored, indices } = this;
    if (indices.vector === undefined) {
      this.line(`${pointer}[${this.indices.text(linear)}] = ${text};`);
      return;
    }
    const wide = this.isWide(value) ? text : `splat_${lanes}(${text})`;
    if (this.indices.stepAlongLanes(linear) === 1)
      this.line(storing(`${pointer} + ${this.indices.text(linear)}`, wide, lanes, stored));
    else {
      const all = this.kernel.name("t");
      const at = this.indices.text(linear, "l");
      this.line(
        `{ const v${lanes} ${all} = ${wide}; for (long l = 0; l < ${stored}; l++) ${pointer}[${at}] = ${all}[l]; }`,
      );
    }
  }

  /** Whether a value differs from lane to lane. */
  isWide(value: Value): boolean {
    return this.indices.vector !== undefined && this.axesOf(value).has(this.indices.vector);
  }

  /** The outermost open level where all axes of a value are open. */
  private levelOf(value: Value): Level {
    const axes = this.axesOf(value);
    const at = this.levels.findLastIndex((level) => level.axes.some((each) => axes.has(each)));
    return this.levels[Math.max(0, at)];
  }

  /** An expression for a value: a constant or the variable that holds it. */
  emit(value: Value): string {
    const { node } = value;
    const given = this.given.get(value);
    if (given !== undefined) return given.text(this.lanes);
    if (node.kind === "constant") return number(node.value);
    const level = this.levelOf(value);
    const wide = this.isWide(value);
    const key = `${wide ? this.lanes : 0}${this.keyOf(value)}`;
    this.forgetOldRead(level, key);
    for (const { known } of this.levels) {
      const name = known.get(key);
      if (name !== undefined) return name;
    }
    // What it needs is written first, there or further out.
    const above = this.levels.splice(this.levels.indexOf(level) + 1);
    if (node.kind === "reduce") this.reduce(value, level, wide ? this.lanes : 0);
    else {
      const text = this.expression(value, wide ? this.lanes : 0);
      const name = this.kernel.name("x");
      level.lines.push(`const ${wide ? `v${this.lanes}` : "real"} ${name} = ${text};`);
      level.known.set(key, name);
      if (node.kind === "read") level.reads.set(key, level.lines.length);
    }
    this.levels.push(...above);
    return level.known.get(key) as string;
  }

  /** A reduction, with all that run over the same axes at the same level: one loop reads for all. */
  private reduce(value: Value, level: Level, lanes: number): void {
    const { reductions } = this.scheduled;
    const axes = reductions.get(value) ?? [];
    const isBeside = (other: Value) =>
      reductions.get(other) === axes &&
      !this.given.has(other) &&
      this.isWide(other) === lanes > 0 &&
      this.levelOf(other) === level;
    const beside = [...reductions.keys()].filter((other) => other !== value && isBeside(other));
    const all = [value, ...beside];
    const together = all.every(isFlat) ? all : [value];
    const names = reduceTogether(this, together, axes, lanes);
    for (const [i, name] of names.entries()) level.known.set(`${lanes}${this.keyOf(together[i])}`, name);
  }

  /** Makes a value be read again that was last used long ago: to keep it, the compiler would write it to memory first. */
  private forgetOldRead({ known, reads, lines }: Level, key: string): void {
    const used = reads.get(key);
    if (used === undefined) return;
    if (lines.length - used > linesInRegisters) known.delete(key);
    else reads.set(key, lines.length);
  }

  private expression(value: Value, lanes: number): string {
    const { node } = value;
    const access = this.scheduled.accesses.get(value);
    const counter = this.scheduled.counters.get(value);
    /** An operand as wide as the result. */
    const wide = (of: Value) => {
      const text = this.emit(of);
      return lanes === 0 || this.isWide(of) ? text : `splat_${lanes}(${text})`;
    };
    if (access !== undefined) return this.read(access, lanes);
    switch (node.kind) {
      case "scalar": {
        const scalars = this.kernel.scalars();
        if (node.name === "learningRate") return `*(const real *)(${scalars} + 2)`;
        return `(real)((const uint32_t *)${scalars})[${node.name === "seed" ? 0 : 1}]`;
      }
      case "random":
        return `random_${lanes}(${this.kernel.scalars()}, ${node.stream >>> 0}u, ${this.integers(counter ?? node.counter, lanes)})`;
      case "position":
        if (lanes === 0) return `(real)(${this.indices.text(counter ?? node.index)})`;
        return `__builtin_convertvector(${this.integers(counter ?? node.index, lanes)}, v${lanes})`;
      case "unary":
        return `${node.operator}_${lanes}(${this.emit(node.a)})`;
      case "binary": {
        const symbol = { plus: "+", minus: "-", times: "*", divide: "/" }[node.operator as string];
        if (symbol !== undefined) return `${this.emit(node.a)} ${symbol} ${this.emit(node.b)}`;
        // Against a constant the short forms pass a NaN on, as the full ones do.
        const short = node.operator === "power" || node.b.node.kind === "constant";
        return `${short ? "" : "nan"}${node.operator}_${lanes}(${wide(node.a)}, ${wide(node.b)})`;
      }
      case "compare":
        return lanes === 0
          ? `(real)(${this.mask(value, lanes)})`
          : `number_${lanes}(${this.mask(value, lanes)})`;
      case "select":
        return `select_${lanes}(${this.mask(node.condition, lanes)}, ${wide(node.a)}, ${wide(node.b)})`;
      default:
        throw new Error(`a ${node.kind} has no expression`);
    }
  }

  /** A mask of ones where a condition is not 0. */
  private mask(condition: Value, lanes: number): string {
    const { node } = condition;
    const wide = (of: Value) => {
      const text = this.emit(of);
      return lanes === 0 || this.isWide(of) ? text : `splat_${lanes}(${text})`;
    };
    if (node.kind !== "compare") return `(${wide(condition)} != 0.0f)`;
    const symbol = { less: "<", lessOrEqual: "<=", equal: "==" }[node.operator];
    return `(${wide(node.a)} ${symbol} ${wide(node.b)})`;
  }

  /** An index at each lane. */
  private integers(of: Index, lanes: number): string {
    if (lanes === 0) return `(int32_t)(${this.indices.text(of)})`;
    const step = this.indices.stepAlongLanes(of);
    if (step !== undefined) return `((int32_t)(${this.indices.text(of)}) + iota_${lanes} * ${step})`;
    const each = Array.from(
      { length: lanes },
      (_, lane) => `(int32_t)(${this.indices.text(of, String(lane))})`,
    );
    return `(i${lanes}){${each.join(", ")}}`;
  }

  private read({ operand, linear, guards, fill }: Access, lanes: number): string {
    const pointer = this.kernel.pointer(operand);
    const inside = (shift = "") => guards.map(({ at, extent }) => this.guard(at, extent, shift)).join(" && ");
    if (lanes === 0) {
      const element = `${pointer}[${this.indices.text(linear)}]`;
      return guards.length === 0 ? element : `${inside()} ? ${element} : ${number(fill)}`;
    }
    const step = this.indices.stepAlongLanes(linear);
    const laneGuards = guards.some(({ at }) => this.indices.stepAlongLanes(at) !== 0);
    if (step === 1 && !laneGuards) {
      const vector = `load_${lanes}(${pointer} + ${this.indices.text(linear)})`;
      return guards.length === 0 ? vector : `${inside()} ? ${vector} : splat_${lanes}(${number(fill)})`;
    }
    const each = Array.from({ length: lanes }, (_, lane) => {
      const element = `${pointer}[${this.indices.text(linear, String(lane))}]`;
      return guards.length === 0 ? element : `${inside(String(lane))} ? ${element} : ${number(fill)}`;
    });
    return `(v${lanes}){${each.join(", ")}}`;
  }

  private guard(at: Index, extent: number, shift: string): string {
    const [low, high] = at.range();
    const text = this.indices.text(at, shift);
    if (low < 0 && high >= extent) return `(unsigned long)(${text}) < ${extent}`;
    return low < 0 ? `${text} >= 0` : `${text} < ${extent}`;
  }

  /** What a value is, as text: equal text means equal value at the same place. */
  private keyOf(value: Value): string {
    const known = this.keys.get(value);
    if (known !== undefined) return known;
    const { node } = value;
    const access = this.scheduled.accesses.get(value);
    const counter = this.scheduled.counters.get(value);
    let key: string;
    if (this.given.has(value)) key = `given${[...this.given.keys()].indexOf(value)}`;
    else if (access !== undefined) {
      const guards = access.guards.map((each) => `${this.indices.text(each.at)}<${each.extent}`).join();
      key = `${this.kernel.pointer(access.operand)}[${this.indices.text(access.linear)}]${guards}:${access.fill}`;
    } else if (counter !== undefined)
      key = `${node.kind}${node.kind === "random" ? node.stream : ""}(${this.indices.text(counter)})`;
    else if (node.kind === "constant") key = String(node.value);
    else if (node.kind === "scalar") key = node.name;
    else {
      const axes = (this.scheduled.reductions.get(value) ?? [])
        .map((each) => this.indices.axisName(each))
        .join();
      const inner = children(value).map((child) => this.keyOf(child));
      key = this.short(`${"operator" in node ? node.operator : node.kind}${axes}(${inner.join()})`);
    }
    this.keys.set(value, key);
    return key;
  }

  /** A few letters for a key: keys of values that share values would grow without bounds. */
  private short(key: string): string {
    const known = this.shortKeys.get(key) ?? `#${this.shortKeys.size}`;
    this.shortKeys.set(key, known);
    return known;
  }
}

/** A number as C, rounded to the type that kernels compute in. */
export function number(value: number): string {
  if (Number.isNaN(value)) return '__builtin_nanf("")';
  if (!Number.isFinite(value)) return value > 0 ? "__builtin_inff()" : "(-__builtin_inff())";
  const digits = Object.is(value, -0) ? "-0" : String(value);
  const literal = `(real)${/[.e]/.test(digits) ? digits : `${digits}.0`}`;
  return digits.startsWith("-") ? `(${literal})` : literal;
}
