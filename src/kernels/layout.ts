/** How a tensor lies in memory, and what that makes of the places a formula reads and writes. */

import { contiguousStrides, type Shape } from "../tensor/shape.ts";
import { combination, type Index } from "./index-expression.ts";
import type { Operand } from "./value.ts";

export interface Layout {
  /** Which allocation: one of the plan's buffers. */
  readonly buffer: number;
  /** Elements before the first. */
  readonly offset: number;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
}

/** Where each operand of a kernel lies. */
export type Layouts = ReadonlyMap<Operand, Layout>;

export function contiguousLayout(buffer: number, shape: Shape, offset = 0): Layout {
  return { buffer, offset, strides: contiguousStrides(shape) };
}

/** The element's offset within its buffer. */
export function linearIndex(at: readonly Index[], { offset, strides }: Layout): Index {
  return combination(at, strides, offset);
}

export function isContiguous(layout: Layout, shape: Shape): boolean {
  const strides = contiguousStrides(shape);
  return shape.every((extent, axis) => extent === 1 || layout.strides[axis] === strides[axis]);
}
