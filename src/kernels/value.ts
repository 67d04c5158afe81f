/**
 * The formula language: what an operation computes at one place of its output, as an expression over loop axes. Engines
 * render it; nothing here knows how.
 */

import type { Shape } from "../tensor/shape.ts";
import { type Axis, axis, type Index, type IndexLike, index } from "./index-expression.ts";

/** A tensor that formulas read. Identity counts: two operands are the same only if they are the same object. */
export interface Operand {
  readonly shape: Shape;
}

export type Unary = "negate" | "exp" | "log" | "sqrt" | "tanh" | "sigmoid" | "abs" | "reciprocal";
export type Binary = "plus" | "minus" | "times" | "divide" | "max" | "min" | "power";
/** Comparisons give 1 where true and 0 where false. */
export type Comparison = "less" | "lessOrEqual" | "equal";
/** "argmax" is the position, counted over the axes in their order, of the first greatest value. */
export type Reduction = "sum" | "max" | "argmax";

export type ValueNode =
  | { readonly kind: "constant"; readonly value: number }
  /** A number given anew at each run, such as the learning rate. */
  | { readonly kind: "scalar"; readonly name: ScalarName }
  /** An element of an operand; `fill` outside its edges, where `fill` is undefined no index leaves them. */
  | {
      readonly kind: "read";
      readonly operand: Operand;
      readonly at: readonly Index[];
      readonly fill: number | undefined;
    }
  | { readonly kind: "unary"; readonly operator: Unary; readonly a: Value }
  | { readonly kind: "binary"; readonly operator: Binary; readonly a: Value; readonly b: Value }
  | { readonly kind: "compare"; readonly operator: Comparison; readonly a: Value; readonly b: Value }
  /** `a` where `condition` is not 0, else `b`. */
  | { readonly kind: "select"; readonly condition: Value; readonly a: Value; readonly b: Value }
  | {
      readonly kind: "reduce";
      readonly operator: Reduction;
      readonly axes: readonly Axis[];
      readonly body: Value;
    }
  /** An integer index as a number. */
  | { readonly kind: "position"; readonly index: Index }
  /** A uniform number in [0, 1), a function of the run's seed and step, of `stream` and of `counter`. */
  | { readonly kind: "random"; readonly stream: number; readonly counter: Index };

/** The numbers that a run gives its kernels. `seed` and `step` are whole and feed the random numbers. */
export const scalarNames = ["seed", "step", "learningRate"] as const;
export type ScalarName = (typeof scalarNames)[number];

export class Value {
  readonly node: ValueNode;
  constructor(node: ValueNode) {
    this.node = node;
  }
  plus(other: ValueLike): Value {
    return binary("plus", this, other);
  }
  minus(other: ValueLike): Value {
    return binary("minus", this, other);
  }
  times(other: ValueLike): Value {
    return binary("times", this, other);
  }
  over(other: ValueLike): Value {
    return binary("divide", this, other);
  }
  max(other: ValueLike): Value {
    return binary("max", this, other);
  }
  min(other: ValueLike): Value {
    return binary("min", this, other);
  }
  /** this^exponent, for this ≥ 0. */
  power(exponent: ValueLike): Value {
    return binary("power", this, exponent);
  }
  negate(): Value {
    return unary("negate", this);
  }
  exp(): Value {
    return unary("exp", this);
  }
  log(): Value {
    return unary("log", this);
  }
  sqrt(): Value {
    return unary("sqrt", this);
  }
  tanh(): Value {
    return unary("tanh", this);
  }
  sigmoid(): Value {
    return unary("sigmoid", this);
  }
  abs(): Value {
    return unary("abs", this);
  }
  reciprocal(): Value {
    return unary("reciprocal", this);
  }
  less(other: ValueLike): Value {
    return new Value({ kind: "compare", operator: "less", a: this, b: value(other) });
  }
  lessOrEqual(other: ValueLike): Value {
    return new Value({ kind: "compare", operator: "lessOrEqual", a: this, b: value(other) });
  }
  equals(other: ValueLike): Value {
    return new Value({ kind: "compare", operator: "equal", a: this, b: value(other) });
  }
  /** `a` where this is not 0, else `b`. */
  select(a: ValueLike, b: ValueLike): Value {
    return new Value({ kind: "select", condition: this, a: value(a), b: value(b) });
  }
}

export type ValueLike = Value | number;

export function value(from: ValueLike): Value {
  return typeof from === "number" ? new Value({ kind: "constant", value: from }) : from;
}

/** A number given at each run. */
export function scalar(name: ScalarName): Value {
  return new Value({ kind: "scalar", name });
}

/** An index as a number, for formulas that compare positions. */
export function position(of: IndexLike): Value {
  return new Value({ kind: "position", index: index(of) });
}

/** A uniform number in [0, 1) for this stream and counter, at this run's seed and step. */
export function random(stream: number, counter: IndexLike): Value {
  return new Value({ kind: "random", stream, counter: index(counter) });
}

/** Σ of `body` over axes of these extents. */
export function sum(extents: Shape, body: (...axes: Axis[]) => Value): Value {
  return reduce("sum", extents, body);
}

/** The greatest `body` over axes of these extents. */
export function maximum(extents: Shape, body: (...axes: Axis[]) => Value): Value {
  return reduce("max", extents, body);
}

/** Where, counting the axes row by row, `body` is greatest for the first time. */
export function argmax(extents: Shape, body: (...axes: Axis[]) => Value): Value {
  return reduce("argmax", extents, body);
}

/** An operand as formulas see it. */
export class Source implements Operand {
  readonly operand: Operand;
  readonly shape: Shape;
  constructor(operand: Operand) {
    this.operand = operand;
    this.shape = operand.shape;
  }
  /** The element at these indices, none of which may leave the edges. */
  at(...indices: IndexLike[]): Value {
    return this.read(indices, undefined);
  }
  /** The element at these indices, `fill` outside the edges. */
  padded(fill: number, ...indices: IndexLike[]): Value {
    return this.read(indices, fill);
  }
  private read(indices: readonly IndexLike[], fill: number | undefined): Value {
    const at = indices.map(index);
    const leaves = at.some((each, dimension) => leavesEdges(each, this.shape[dimension]));
    return new Value({ kind: "read", operand: this.operand, at, fill: leaves ? fill : undefined });
  }
}

/** Whether an index can leave 0 … extent − 1. */
export function leavesEdges(at: Index, extent: number): boolean {
  const [low, high] = at.range();
  return low < 0 || high >= extent;
}

function reduce(operator: Reduction, extents: Shape, body: (...axes: Axis[]) => Value): Value {
  const axes = extents.map((extent, i) => axis(`${operator[0]}${i}`, extent));
  return new Value({ kind: "reduce", operator, axes, body: body(...axes) });
}

function unary(operator: Unary, a: Value): Value {
  return new Value({ kind: "unary", operator, a });
}

function binary(operator: Binary, a: Value, b: ValueLike): Value {
  const right = value(b);
  const [x, y] = [a.node, right.node];
  // Sums and products with 0 and 1 that builders leave behind cost nothing to drop here.
  if (y.kind === "constant") {
    if (y.value === 0 && (operator === "plus" || operator === "minus")) return a;
    if (y.value === 1 && (operator === "times" || operator === "divide")) return a;
  }
  if (x.kind === "constant") {
    if (x.value === 0 && operator === "plus") return right;
    if (x.value === 1 && operator === "times") return right;
  }
  return new Value({ kind: "binary", operator, a, b: right });
}
