/**
 * Renders formulas to plain JavaScript: the readable reference that the fast renderers are checked against. Loops run in
 * the order of the part's axes; values are computed in double precision and rounded when they are stored.
 */

import { mix32, randomUniform } from "../tensor/random.ts";
import type { Formula, Part } from "./formula.ts";
import type { Axis, Index } from "./index-expression.ts";
import { type Layout, type Layouts, linearIndex } from "./layout.ts";
import type { Operand, Value } from "./value.ts";

export type Numbers = Float32Array | Float64Array;
/** A rendered kernel: computes all places of its output. `key` is that of this run's random numbers. */
export type JavaScriptKernel = (
  buffers: readonly Numbers[],
  scalars: Readonly<Record<string, number>>,
) => void;

/** Source text of the function that computes `formula` into `target`. */
export function renderJavaScript(formula: Formula, target: Layout, layouts: Layouts): string {
  const parts = formula.map((part) => new PartRenderer(layouts).render(part, target));
  return `"use strict";\n${parts.join("\n")}`;
}

/** Compiles what `renderJavaScript` gives. The text comes from formulas alone, never from files. */
export function compileJavaScript(source: string): JavaScriptKernel {
  const body = new Function("buffers", "scalars", "uniform", "keyOfStream", source);
  return (buffers, scalars) => body(buffers, scalars, randomUniform, keyOfStream);
}

/** The key of one stream of random numbers in one step of a run. */
export function keyOfStream(seed: number, step: number, stream: number): number {
  const h = mix32((seed + 0x9e3779b9) | 0);
  return mix32((mix32((h + Math.imul(step, 0x85ebca6b)) | 0) + Math.imul(stream, 0xc2b2ae35)) | 0);
}

class PartRenderer {
  private readonly layouts: Layouts;
  private readonly names = new Map<Axis, string>();
  private readonly lines: string[] = [];
  private depth = 0;
  private temporaries = 0;
  /** Variables that hold reductions, in the loops that are open. */
  private reduced = new Map<Value, string>();

  constructor(layouts: Layouts) {
    this.layouts = layouts;
  }

  render(part: Part, target: Layout): string {
    this.emit("{");
    this.depth++;
    for (const axis of part.axes) this.open(axis);
    const stored = this.value(part.value);
    this.emit(`buffers[${target.buffer}][${this.index(linearIndex(part.at, target))}] = ${stored};`);
    for (const _ of part.axes) this.close();
    this.close();
    return this.lines.join("\n");
  }

  private emit(line: string): void {
    this.lines.push("  ".repeat(this.depth) + line);
  }

  private open(axis: Axis): void {
    const name = this.name(axis);
    this.emit(`for (let ${name} = 0; ${name} < ${axis.extent}; ${name}++) {`);
    this.depth++;
  }

  private close(): void {
    this.depth--;
    this.emit("}");
  }

  private name(axis: Axis): string {
    let name = this.names.get(axis);
    if (name === undefined) {
      name = `${axis.name}_${this.names.size}`;
      this.names.set(axis, name);
    }
    return name;
  }

  private temporary(): string {
    return `t${this.temporaries++}`;
  }

  private index({ terms, constant }: Index): string {
    const rendered = terms.map(({ atom, factor }) => {
      let text: string;
      if (atom.kind === "axis") text = this.name(atom);
      else if (atom.kind === "floorDiv") text = `Math.floor((${this.index(atom.index)}) / ${atom.divisor})`;
      else text = `(((${this.index(atom.index)}) % ${atom.divisor}) + ${atom.divisor}) % ${atom.divisor}`;
      return factor === 1 ? (atom.kind === "mod" ? `(${text})` : text) : `${factor} * (${text})`;
    });
    if (constant !== 0 || rendered.length === 0) rendered.push(String(constant));
    return rendered.join(" + ");
  }

  /** Emits what must be computed before and gives the expression of `value`. */
  private value(value: Value): string {
    const { node } = value;
    switch (node.kind) {
      case "constant":
        return node.value === Number.NEGATIVE_INFINITY ? "-Infinity" : `(${node.value})`;
      case "scalar":
        return `scalars.${node.name}`;
      case "position":
        return `(${this.index(node.index)})`;
      case "random":
        return `uniform(keyOfStream(scalars.seed, scalars.step, ${node.stream}), ${this.index(node.counter)})`;
      case "read":
        return this.read(node.operand, node.at, node.fill);
      case "unary": {
        const a = this.value(node.a);
        if (node.operator === "negate") return `(-${a})`;
        if (node.operator === "reciprocal") return `(1 / ${a})`;
        if (node.operator === "sigmoid") return `(1 / (1 + Math.exp(-${a})))`;
        return `Math.${node.operator}(${a})`;
      }
      case "binary": {
        const [a, b] = [this.value(node.a), this.value(node.b)];
        if (node.operator === "max" || node.operator === "min" || node.operator === "power")
          return `Math.${node.operator === "power" ? "pow" : node.operator}(${a}, ${b})`;
        const sign = { plus: "+", minus: "-", times: "*", divide: "/" }[node.operator];
        return `(${a} ${sign} ${b})`;
      }
      case "compare": {
        const sign = { less: "<", lessOrEqual: "<=", equal: "===" }[node.operator];
        return `(${this.value(node.a)} ${sign} ${this.value(node.b)} ? 1 : 0)`;
      }
      case "select": {
        const [condition, a, b] = [this.value(node.condition), this.value(node.a), this.value(node.b)];
        return `(${condition} !== 0 ? ${a} : ${b})`;
      }
      case "reduce": {
        // A value that is used twice is summed once: its result is a variable.
        const known = this.reduced.get(value);
        if (known !== undefined) return known;
        const before = this.reduced;
        this.reduced = new Map(before);
        const result = this.reduction(node);
        this.reduced = before.set(value, result);
        return result;
      }
    }
  }

  private reduction(node: Extract<Value["node"], { kind: "reduce" }>): string {
    const result = this.temporary();
    const isSum = node.operator === "sum";
    this.emit(`let ${result} = ${isSum ? "0" : "-Infinity"};`);
    const best = node.operator === "argmax" ? this.temporary() : "";
    if (best !== "") this.emit(`let ${best} = 0;`);
    for (const axis of node.axes) this.open(axis);
    const body = this.value(node.body);
    if (isSum) this.emit(`${result} += ${body};`);
    else {
      const candidate = this.temporary();
      this.emit(`const ${candidate} = ${body};`);
      // Not-a-number wins, as in PyTorch: a broken value must not be hidden by a pooling layer.
      const wins = `${candidate} > ${result} || (${candidate} !== ${candidate} && ${result} === ${result})`;
      if (best === "") this.emit(`if (${wins}) ${result} = ${candidate};`);
      else {
        const place = node.axes.reduce(
          (text, axis) => `(${text} * ${axis.extent} + ${this.name(axis)})`,
          "0",
        );
        this.emit(`if (${wins}) { ${result} = ${candidate}; ${best} = ${place}; }`);
      }
    }
    for (const _ of node.axes) this.close();
    return best === "" ? result : best;
  }

  private read(operand: Operand, at: readonly Index[], fill: number | undefined): string {
    const layout = this.layouts.get(operand);
    if (layout === undefined) throw new Error("a formula reads an operand that has no layout");
    const element = `buffers[${layout.buffer}][${this.index(linearIndex(at, layout))}]`;
    if (fill === undefined) return element;
    const inside: string[] = [];
    for (const [dimension, each] of at.entries()) {
      const [low, high] = each.range();
      const extent = operand.shape[dimension];
      if (low < 0) inside.push(`${this.index(each)} >= 0`);
      if (high >= extent) inside.push(`${this.index(each)} < ${extent}`);
    }
    const outside = fill === Number.NEGATIVE_INFINITY ? "-Infinity" : String(fill);
    return inside.length === 0 ? element : `(${inside.join(" && ")} ? ${element} : ${outside})`;
  }
}
