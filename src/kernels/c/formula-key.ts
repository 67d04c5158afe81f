/**
 * What a formula is but for where its operands lie: as kernels hold no addresses, formulas with one key have the same kernels.
 * A deep network has ten layers of a shape, which are rendered once.
 */

import { children, type Formula } from "../formula.ts";
import type { Axis, Index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import type { Operand, Value } from "../value.ts";
import type { Place } from "./target.ts";

export interface FormulaKey {
  readonly text: string;
  /** Where kernels of this formula may point to in the memories of the plan: those of equal keys stand for one another. */
  readonly places: readonly Place[];
}

/** The key of a formula whose result lies as `layout` says. */
export function keyOfFormula(
  formula: Formula,
  layout: Layout,
  layoutOf: (operand: Operand) => Layout,
  isConstant: (operand: Operand) => boolean,
): FormulaKey {
  const axes = new Map<Axis, number>();
  const values = new Map<Value, number>();
  const operands = new Map<Operand, number>();
  const places = new Map<string, Place>();
  const text: string[] = [];

  const numberOf = <T>(numbers: Map<T, number>, each: T): number => {
    const known = numbers.get(each) ?? numbers.size;
    numbers.set(each, known);
    return known;
  };
  // Pointers to one place are one pointer, so which places are the same is part of the key.
  const seePlace = ({ buffer, offset }: Place): void => {
    const name = `${buffer}:${offset}`;
    if (!places.has(name)) places.set(name, { buffer, offset });
    text.push(`@${buffer}.${[...places.keys()].indexOf(name)}`);
  };
  const seeAxis = (each: Axis): void => {
    const isNew = !axes.has(each);
    text.push(`a${numberOf(axes, each)}`);
    if (isNew) text.push(`<${each.extent}`);
  };
  const seeIndex = ({ terms, constant }: Index): void => {
    for (const { atom, factor } of terms) {
      if (atom.kind === "axis") seeAxis(atom);
      else {
        text.push(`${atom.kind}${atom.divisor}(`);
        seeIndex(atom.index);
        text.push(")");
      }
      text.push(`*${factor}`);
    }
    text.push(`+${constant};`);
  };
  const seeOperand = (operand: Operand): void => {
    const isNew = !operands.has(operand);
    text.push(`o${numberOf(operands, operand)}`);
    if (!isNew) return;
    const at = layoutOf(operand);
    text.push(`[${operand.shape}|${at.strides}]${isConstant(operand) ? "c" : ""}`);
    seePlace(at);
  };
  const seeValue = (value: Value): void => {
    const isNew = !values.has(value);
    text.push(`v${numberOf(values, value)}`);
    // A value that stands in several places is one.
    if (!isNew) return;
    const { node } = value;
    text.push(`=${node.kind}`);
    if ("operator" in node) text.push(node.operator);
    switch (node.kind) {
      case "constant":
        text.push(Object.is(node.value, -0) ? "-0" : String(node.value));
        break;
      case "scalar":
        text.push(node.name);
        break;
      case "position":
        seeIndex(node.index);
        break;
      case "random":
        text.push(`${node.stream}`);
        seeIndex(node.counter);
        break;
      case "reduce":
        for (const each of node.axes) seeAxis(each);
        break;
      case "read":
        seeOperand(node.operand);
        text.push(`${node.fill}`);
        // Tiles that read an operand as it lies point to where their reading begins.
        if (node.fill === undefined) {
          const at = layoutOf(node.operand);
          seePlace({ buffer: at.buffer, offset: linearIndex(node.at, at).constant });
        }
        for (const each of node.at) seeIndex(each);
        break;
    }
    text.push("(");
    for (const child of children(value)) seeValue(child);
    text.push(")");
  };

  text.push(`${layout.strides}`);
  seePlace(layout);
  for (const part of formula) {
    // Tiles point to where the part begins.
    seePlace({ buffer: layout.buffer, offset: linearIndex(part.at, layout).constant });
    for (const each of part.axes) seeAxis(each);
    for (const each of part.at) seeIndex(each);
    seeValue(part.value);
  }
  return { text: text.join(" "), places: [...places.values()] };
}
