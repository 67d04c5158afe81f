/** The register tile: a few rows by a few vectors of columns, over the whole sum in one loop. */

import type { Index } from "../index-expression.ts";
import type { Contraction } from "../schedule-contraction.ts";
import type { Value } from "../value.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { widestTile } from "./column-groups.ts";
import type { Target } from "./target.ts";
import { emitElementwise } from "./values.ts";

/** Offsets in A and B at each step of the sum, in elements: a constant step, or a table in memory. */
export interface Steps {
  /** Elements from step to step, where they are all the same. */
  readonly a: number | undefined;
  readonly b: number | undefined;
  /** Byte address of the offsets, in bytes, of those that are not: A's before B's. */
  readonly table: number;
}

/** A read of what stands around the sum. */
export interface EpilogueRead {
  readonly value: Value;
  readonly linear: Index;
  /** Byte address of the operand's first element. */
  readonly address: number;
}

export interface TileOptions {
  readonly name: string;
  readonly rows: number;
  /** Columns that are stored; the rest of the last vector is computed in vain. */
  readonly lanes: number;
  /** Vectors that panels hold beside each other. */
  readonly vectors: number;
  /** Elements between rows: of A, of the result, and of each read of the epilogue. */
  readonly rowFactors: readonly number[];
  readonly steps: Steps;
  readonly reads: readonly EpilogueRead[];
  /** Whether the sum goes on from what the result holds. */
  readonly accumulates: boolean;
  /** Whether the bare sum is stored. */
  readonly bare: boolean;
  /** Whether the caller has memory for parked sums. */
  readonly parking: boolean;
}

/** Bytes that parked sums of a tile take at most. */
export function parkedBytes({ vectors }: Target): number {
  const { rows, vectors: columns } = widestTile(vectors);
  return 16 * rows * columns;
}

/**
 * Adds a function (a, b, out, epilogue reads …, steps, memory for parked sums if there is some) to the module; returns its number.
 *
 * A runtime that joins vectors (`column-groups.ts`) goes from neighbouring stores back to what is stored. Where that is more than it knows,
 * as comparisons are, or where stores are of single lanes, it would join nothing, not the sum either: so sums are stored there first, and
 * what stands around them is computed from that.
 */
export function renderTile(target: Target, contraction: Contraction, options: TileOptions): number {
  const { rows, lanes, vectors, rowFactors, steps, reads, accumulates, bare, parking } = options;
  const { code } = target.vectors;
  const f = target.helper(options.name, 4 + reads.length + Number(parking));
  const { bytes, lanes: inVector } = f.numbers;
  const [a, b, out, count] = [0, 1, 2, 3 + reads.length].map((i) => f.parameter(i));
  const atOnce = code === "joined" ? 2 : 1;
  const used = Math.min(vectors, atOnce * Math.ceil(lanes / (atOnce * inVector)));
  const accumulators = Array.from({ length: rows }, () =>
    Array.from({ length: used }, () => f.local("v128")),
  );
  for (const [i, row] of accumulators.entries())
    for (const [j, local] of row.entries()) {
      if (accumulates) f.get(out).memory("v128.load", bytes * i * rowFactors[1] + 16 * j);
      else f.vector(0);
      f.set(local);
    }
  const columns = Array.from({ length: used }, () => f.local("v128"));
  const [aAt, bAt, table, spread] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("v128")];
  const words = Number(steps.a === undefined) + Number(steps.b === undefined);
  f.get(a).set(aAt).get(b).set(bAt);
  if (words > 0) f.i32(steps.table).set(table);
  const parted = code === "hoisted" ? rowsOfFirstPart(rows, used) : undefined;
  f.loopWithExit((leave) => {
    if (steps.a === undefined) f.get(a).get(table).memory("i32.load").op("i32.add").set(aAt);
    if (steps.b === undefined)
      f.get(b)
        .get(table)
        .memory("i32.load", 4 * (words - 1))
        .op("i32.add")
        .set(bAt);
    for (const [j, local] of columns.entries())
      f.get(bAt)
        .memory("v128.load", 16 * j)
        .set(local);
    for (const [i, row] of accumulators.entries()) {
      if (i === parted) {
        // Never so: but what was loaded before is used before.
        f.get(count).op("i32.eqz");
        leave();
      }
      f.get(aAt)
        .memory("vector.load_splat", bytes * i * rowFactors[0])
        .set(spread);
      for (const [j, local] of row.entries())
        target.multiplyAdd(
          f,
          () => f.get(spread),
          () => f.get(columns[j]),
          local,
        );
    }
    if (steps.a !== undefined)
      f.get(aAt)
        .i32(bytes * steps.a)
        .op("i32.add")
        .set(aAt);
    if (steps.b !== undefined)
      f.get(bAt)
        .i32(bytes * steps.b)
        .op("i32.add")
        .set(bAt);
    if (words > 0)
      f.get(table)
        .i32(4 * words)
        .op("i32.add")
        .set(table);
    f.get(count).i32(1).op("i32.sub").tee(count);
  });
  if (parking && ((!bare && contraction.part.value !== contraction.sum) || lanes < used * inVector)) {
    const parked = f.parameter(4 + reads.length);
    const sums = accumulators.flat();
    for (const [i, local] of sums.entries())
      f.get(parked)
        .get(local)
        .memory("v128.store", 16 * i);
    for (const [i, local] of sums.entries())
      f.get(parked)
        .memory("v128.load", 16 * i)
        .set(local);
  }
  for (const [i, row] of accumulators.entries())
    for (const [j, local] of row.slice(0, Math.ceil(lanes / inVector)).entries()) {
      const stored = bare ? local : emitEpilogue(f, target, contraction, options, local, i, j);
      f.storeLanes(out, stored, Math.min(inVector, lanes - inVector * j), bytes * i * rowFactors[1] + 16 * j);
    }
  return target.module.add(f);
}

/** Vector registers that V8 has for a loop on x86-64. */
export const registers = 15;

/**
 * V8 before 13.6 puts all loads of a loop's body before its multiply-adds. Where registers do not suffice for that, it would spill: then the
 * body has two parts, of so many rows the first; undefined where they suffice.
 */
export function rowsOfFirstPart(rows: number, vectors: number): number | undefined {
  const left = registers - (rows + 1) * vectors;
  return left < rows ? Math.max(1, left) : undefined;
}

/** What stands around the sum, for one vector of the tile. */
function emitEpilogue(
  f: FunctionBuilder,
  target: Target,
  { part, sum, n }: Contraction,
  { reads, rowFactors }: TileOptions,
  accumulator: Local,
  row: number,
  vector: number,
): Local {
  const known = new Map<Value, Local>([[sum, accumulator]]);
  const compute = (value: Value): Local => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const result = f.local("v128");
    if (value.node.kind === "read") {
      const which = reads.findIndex((each) => each.value === value);
      const offset = f.numbers.bytes * row * rowFactors[2 + which];
      f.get(f.parameter(3 + which));
      if (reads[which].linear.factorOf(n) === 1) f.memory("v128.load", offset + 16 * vector);
      else f.memory("vector.load_splat", offset);
    } else
      emitElementwise(f, target.math, target.map.scalarsAddress, value, (operand) => {
        if (operand.node.kind === "constant") f.vector(operand.node.value);
        else f.get(compute(operand));
      });
    f.set(result);
    known.set(value, result);
    return result;
  };
  return compute(part.value);
}
