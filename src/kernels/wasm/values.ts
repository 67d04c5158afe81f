/** Elementwise values as vector instructions: what maps, windows and the epilogues of contractions have in common. */

import type { Value } from "../value.ts";
import type { FunctionBuilder } from "./assembler.ts";
import type { MathLibrary } from "./math.ts";

/** Byte addresses of the scalars of a run. */
export const scalarOffsets = { seed: 0, step: 4, learningRate: 8 } as const;

/**
 * Emits the instructions of one node whose operands `operand` emits; reads, reductions, positions and random numbers are
 * the caller's. Leaves a vector on the stack.
 */
export function emitElementwise(
  f: FunctionBuilder,
  math: MathLibrary,
  scalarsAddress: number,
  { node }: Value,
  operand: (value: Value) => void,
): void {
  switch (node.kind) {
    case "constant":
      f.vector(node.value);
      return;
    case "scalar":
      f.i32(scalarsAddress);
      if (node.name === "learningRate") f.memory("vector.load_splat", scalarOffsets.learningRate);
      else f.memory("v128.load32_splat", scalarOffsets[node.name]).op("vector.convert_i32x4_u");
      return;
    case "unary":
      switch (node.operator) {
        case "negate":
          operand(node.a);
          f.op("vector.neg");
          return;
        case "abs":
        case "sqrt":
          operand(node.a);
          f.op(node.operator === "abs" ? "vector.abs" : "vector.sqrt");
          return;
        case "reciprocal":
          f.vector(1);
          operand(node.a);
          f.op("vector.div");
          return;
        case "sigmoid":
          f.vector(1);
          operand(node.a);
          f.op("vector.neg").call(math.index("exp")).vector(1).op("vector.add", "vector.div");
          return;
        default:
          operand(node.a);
          f.call(math.index(node.operator));
          return;
      }
    case "binary":
      if (node.operator === "power") {
        // Anything to the 0 is 1, where 0 · log 0 is no number.
        f.vector(1);
        operand(node.a);
        f.call(math.index("log"));
        operand(node.b);
        f.op("vector.mul").call(math.index("exp"));
        operand(node.b);
        f.vector(0).op("vector.eq", "v128.bitselect");
        return;
      }
      operand(node.a);
      operand(node.b);
      switch (node.operator) {
        case "plus":
          f.op("vector.add");
          return;
        case "minus":
          f.op("vector.sub");
          return;
        case "times":
          f.op("vector.mul");
          return;
        case "divide":
          f.op("vector.div");
          return;
        // Against a constant the one-instruction forms pass a NaN of the first operand on, as the full ones do.
        case "max":
          f.op(node.b.node.kind === "constant" ? "vector.pmax" : "vector.max");
          return;
        case "min":
          f.op(node.b.node.kind === "constant" ? "vector.pmin" : "vector.min");
          return;
      }
      return;
    case "compare":
      operand(node.a);
      operand(node.b);
      f.op(({ less: "vector.lt", lessOrEqual: "vector.le", equal: "vector.eq" } as const)[node.operator]);
      f.vector(1).op("v128.and");
      return;
    case "select":
      operand(node.a);
      operand(node.b);
      emitMask(f, node.condition, operand);
      f.op("v128.bitselect");
      return;
    default:
      throw new Error(`${node.kind} is not elementwise`);
  }
}

/** A mask of ones where the condition is not 0, without the detour over 1 and 0 for comparisons. */
function emitMask(f: FunctionBuilder, condition: Value, operand: (value: Value) => void): void {
  const { node } = condition;
  if (node.kind === "compare") {
    operand(node.a);
    operand(node.b);
    f.op(({ less: "vector.lt", lessOrEqual: "vector.le", equal: "vector.eq" } as const)[node.operator]);
    return;
  }
  operand(condition);
  f.vector(0).op("vector.ne");
}
