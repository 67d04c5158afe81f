/** Copies the part of an image that a task reads into a box of its own, with zeros around what lies outside. */

import type { Box } from "../contraction-view.ts";
import type { Axis, Index } from "../index-expression.ts";
import type { Contraction } from "../schedule-contraction.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { Target } from "./target.ts";

/** Rows up to this long are copied and cleared by instructions of their own, longer ones by the bulk operations. */
const unrolledLength = 64;

export interface BoxFill {
  readonly box: Box;
  /** Address of the box. */
  readonly to: Local;
  /** The places of the blocked axis in this block: first, and one after the last. */
  readonly from: Local;
  readonly end: Local;
  /** Where the axes outside the box stand. */
  readonly variables: ReadonlyMap<Axis, Local>;
}

export function emitBox(
  f: FunctionBuilder,
  target: Target,
  { a, batch }: Pick<Contraction, "a" | "batch">,
  fill: BoxFill,
): void {
  const { box } = fill;
  const { bytes } = f.numbers;
  const layout = target.layoutOf(a.operand);
  const [, height, width, depth] = box.extents;
  const [, h, w] = a.operand.shape;
  const [image, vertical, horizontal, channels] = a.at;
  const batchVariables = new Map([...fill.variables].filter(([each]) => batch.includes(each)));
  const outside = new Map([...fill.variables].filter(([each]) => box.outside.includes(each)));
  const [to, row, rows, source, first] = [0, 1, 2, 3, 4].map(() => f.local("i32"));
  // First row of the image in the box, and how many rows this block has.
  f.i32(vertical.constant);
  addTerms(f, vertical, new Map([...batchVariables, [box.blocked, fill.from]]), 1);
  f.set(first);
  f.get(fill.end).get(fill.from).op("i32.sub").i32(box.block).op("i32.sub");
  f.i32(vertical.factorOf(box.blocked)).op("i32.mul").i32(height).op("i32.add").set(rows);
  f.get(fill.to).set(to);
  f.i32(0).set(row);
  // The box starts at column horizontal.constant; those outside 0 … w − 1 are zeros.
  const start = horizontal.constant;
  const left = Math.min(width, Math.max(0, -start));
  const right = Math.max(0, Math.min(width - left, start + width - w));
  const inside = width - left - right;
  f.loop(() => {
    f.get(first).get(row).op("i32.add").i32(h).op("i32.lt_u");
    f.if(
      () => {
        zero(f, to, 0, left * depth);
        zero(f, to, bytes * (left + inside) * depth, right * depth);
        if (inside === 0) return;
        f.i32(target.address(layout) + bytes * ((start + left) * layout.strides[2] + channels.constant));
        addTerms(f, image, outside, bytes * layout.strides[0]);
        addTerms(f, channels, batchVariables, bytes);
        f.get(first)
          .get(row)
          .op("i32.add")
          .i32(bytes * layout.strides[1])
          .op("i32.mul", "i32.add")
          .set(source);
        if (layout.strides[2] === depth) copy(f, to, bytes * left * depth, source, inside * depth);
        else {
          const [pixel, out] = [f.local("i32"), f.local("i32")];
          f.i32(inside).set(pixel).get(to).set(out);
          f.loop(() => {
            copy(f, out, bytes * left * depth, source, depth);
            f.get(source)
              .i32(bytes * layout.strides[2])
              .op("i32.add")
              .set(source);
            f.get(out)
              .i32(bytes * depth)
              .op("i32.add")
              .set(out);
            f.get(pixel).i32(1).op("i32.sub").tee(pixel);
          });
          f.release(pixel, out);
        }
      },
      () => zero(f, to, 0, width * depth),
    );
    f.get(to)
      .i32(bytes * width * depth)
      .op("i32.add")
      .set(to);
    f.get(row).i32(1).op("i32.add").tee(row).get(rows).op("i32.lt_s");
  });
  f.release(to, row, rows, source, first);
}

/** Adds `unit` for each step of the index's axes to the number on the stack. */
export function addTerms(
  f: FunctionBuilder,
  of: Index,
  variables: ReadonlyMap<Axis, Local>,
  unit: number,
): void {
  for (const { atom, factor } of of.terms) {
    const variable = atom.kind === "axis" ? variables.get(atom) : undefined;
    if (variable !== undefined)
      f.get(variable)
        .i32(unit * factor)
        .op("i32.mul", "i32.add");
  }
}

/** Zeros `length` numbers from `to` + `offset` bytes. */
function zero(f: FunctionBuilder, to: Local, offset: number, length: number): void {
  const { bytes, lanes } = f.numbers;
  if (length > unrolledLength) {
    f.get(to)
      .i32(offset)
      .op("i32.add")
      .i32(0)
      .i32(bytes * length)
      .memoryFill();
    return;
  }
  const nothing = f.local("v128");
  f.vector(0).set(nothing);
  for (let at = 0; at < length; at += lanes)
    f.storeLanes(to, nothing, Math.min(lanes, length - at), offset + bytes * at);
  f.release(nothing);
}

function copy(f: FunctionBuilder, to: Local, offset: number, from: Local, length: number): void {
  const { bytes, lanes } = f.numbers;
  if (length > unrolledLength) {
    f.get(to)
      .i32(offset)
      .op("i32.add")
      .get(from)
      .i32(bytes * length)
      .memoryCopy();
    return;
  }
  const value = f.local("v128");
  for (let at = 0; at < length; at += lanes) {
    f.get(from)
      .memory("v128.load", bytes * at)
      .set(value);
    f.storeLanes(to, value, Math.min(lanes, length - at), offset + bytes * at);
  }
  f.release(value);
}
