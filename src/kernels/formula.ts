/**
 * A formula: all places of an output, in one or several parts that together cover each place once. Convolution has one
 * part; the concatenation of three tensors has three.
 */

import type { Shape } from "../tensor/shape.ts";
import { type Axis, axis, type Index, type IndexLike, index } from "./index-expression.ts";
import { type Operand, Value } from "./value.ts";

export interface Part {
  /** Loop axes, outermost first. */
  readonly axes: readonly Axis[];
  /** Where in the output the value goes. */
  readonly at: readonly Index[];
  readonly value: Value;
}

export type Formula = readonly Part[];

/** A part that covers a whole output of this shape, axis by axis. */
export function over(shape: Shape, value: (...axes: Axis[]) => Value): Part {
  const axes = shape.map((extent, i) => axis(`i${i}`, extent));
  return { axes, at: axes.map(index), value: value(...axes) };
}

/** A part whose axes cover the output in another order or in a part of it: `at` says where each place goes. */
export function scatter(
  extents: Shape,
  place: (...axes: Axis[]) => { at: readonly IndexLike[]; value: Value },
): Part {
  const axes = extents.map((extent, i) => axis(`i${i}`, extent));
  const { at, value } = place(...axes);
  return { axes, at: at.map(index), value };
}

/** Visits one or several values and all values in them, outside in; one that stands in several places once. */
export function visit(values: Value | readonly Value[], see: (value: Value) => void): void {
  const seen = new Set<Value>();
  const go = (each: Value): void => {
    if (seen.has(each)) return;
    seen.add(each);
    see(each);
    for (const child of children(each)) go(child);
  };
  for (const each of values instanceof Value ? [values] : values) go(each);
}

export function children({ node }: Value): readonly Value[] {
  switch (node.kind) {
    case "unary":
      return [node.a];
    case "binary":
    case "compare":
      return [node.a, node.b];
    case "select":
      return [node.condition, node.a, node.b];
    case "reduce":
      return [node.body];
    default:
      return [];
  }
}

/** The operands a formula reads, in order of their first use. */
export function operandsOf(formula: Formula): Operand[] {
  const operands = new Set<Operand>();
  for (const part of formula)
    visit(part.value, ({ node }) => {
      if (node.kind === "read") operands.add(node.operand);
    });
  return [...operands];
}

/**
 * `value` with parts of it exchanged: where `change` gives something else for a value, that stands in its place. A value that stands
 * in several places, such as a sum and the activation that follows it, stays one.
 */
export function rewrite(value: Value, change: (value: Value) => Value | undefined): Value {
  const done = new Map<Value, Value>();
  const go = (each: Value): Value => {
    const known = done.get(each) ?? change(each) ?? within(each);
    done.set(each, known);
    return known;
  };
  const within = (each: Value): Value => {
    const { node } = each;
    switch (node.kind) {
      case "unary":
        return new Value({ ...node, a: go(node.a) });
      case "binary":
      case "compare":
        return new Value({ ...node, a: go(node.a), b: go(node.b) });
      case "select":
        return new Value({ ...node, condition: go(node.condition), a: go(node.a), b: go(node.b) });
      case "reduce":
        return new Value({ ...node, body: go(node.body) });
      default:
        return each;
    }
  };
  return go(value);
}

/** `value` with one value in it exchanged for another. */
export function replaceValue(value: Value, from: Value, to: Value): Value {
  return rewrite(value, (each) => (each === from ? to : undefined));
}

/** `value` with axes replaced, and each read replaced where `read` gives something else for it. */
export function substitute(
  value: Value,
  replacement: ReadonlyMap<Axis, Index>,
  read: (operand: Operand, at: readonly Index[]) => Value | undefined = () => undefined,
): Value {
  return rewrite(value, ({ node }) => {
    if (node.kind === "read") {
      const at = node.at.map((each) => each.substitute(replacement));
      return read(node.operand, at) ?? new Value({ ...node, at });
    }
    if (node.kind === "position") return new Value({ ...node, index: node.index.substitute(replacement) });
    if (node.kind === "random") return new Value({ ...node, counter: node.counter.substitute(replacement) });
    return undefined;
  });
}
