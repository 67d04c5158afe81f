/** Elementwise values as vector instructions: what maps, windows and the epilogues of contractions have in common. */

import type { Value } from "../value.ts";
import type { FunctionBuilder } from "./assembler.ts";
import type { MathLibrary } from "./math.ts";

/** Byte addresses of the scalars of a run. */
export const scalarOffsets = { seed: 0, step: 4, learningRate: 8 } as const;

/**
 * Emits the instructions of one node whose operands `operand` emits; reads, reductions, positions and random numbers are
 * the caller's. Leaves four numbers on the stack.
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
      f.v128f32(node.value);
      return;
    case "scalar":
      f.i32(scalarsAddress).memory("v128.load32_splat", scalarOffsets[node.name]);
      if (node.name !== "learningRate") f.op("f32x4.convert_i32x4_u");
      return;
    case "unary":
      switch (node.operator) {
        case "negate":
          operand(node.a);
          f.op("f32x4.neg");
          return;
        case "abs":
        case "sqrt":
          operand(node.a);
          f.op(node.operator === "abs" ? "f32x4.abs" : "f32x4.sqrt");
          return;
        case "reciprocal":
          f.v128f32(1);
          operand(node.a);
          f.op("f32x4.div");
          return;
        case "sigmoid":
          f.v128f32(1);
          operand(node.a);
          f.op("f32x4.neg").call(math.index("exp")).v128f32(1).op("f32x4.add", "f32x4.div");
          return;
        default:
          operand(node.a);
          f.call(math.index(node.operator));
          return;
      }
    case "binary":
      if (node.operator === "power") {
        // Anything to the 0 is 1, where 0 · log 0 is no number.
        f.v128f32(1);
        operand(node.a);
        f.call(math.index("log"));
        operand(node.b);
        f.op("f32x4.mul").call(math.index("exp"));
        operand(node.b);
        f.v128f32(0).op("f32x4.eq", "v128.bitselect");
        return;
      }
      operand(node.a);
      operand(node.b);
      switch (node.operator) {
        case "plus":
          f.op("f32x4.add");
          return;
        case "minus":
          f.op("f32x4.sub");
          return;
        case "times":
          f.op("f32x4.mul");
          return;
        case "divide":
          f.op("f32x4.div");
          return;
        // Against a constant the one-instruction forms pass a NaN of the first operand on, as the full ones do.
        case "max":
          f.op(node.b.node.kind === "constant" ? "f32x4.pmax" : "f32x4.max");
          return;
        case "min":
          f.op(node.b.node.kind === "constant" ? "f32x4.pmin" : "f32x4.min");
          return;
      }
      return;
    case "compare":
      operand(node.a);
      operand(node.b);
      f.op(({ less: "f32x4.lt", lessOrEqual: "f32x4.le", equal: "f32x4.eq" } as const)[node.operator]);
      f.v128f32(1).op("v128.and");
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
    f.op(({ less: "f32x4.lt", lessOrEqual: "f32x4.le", equal: "f32x4.eq" } as const)[node.operator]);
    return;
  }
  operand(condition);
  f.v128f32(0).op("f32x4.ne");
}
