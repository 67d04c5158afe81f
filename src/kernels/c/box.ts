/** Copies the part of an image that a task reads into a box of its own, with zeros around what lies outside. */

import type { Box } from "../contraction-view.ts";
import type { Axis, Index } from "../index-expression.ts";
import type { Contraction } from "../schedule-contraction.ts";
import type { CKernel, Place } from "./target.ts";

/** Lines that fill the box at `to` for `count` places of the blocked axis from `from`, where axes outside stand at `variables`. */
export function boxLines(
  kernel: CKernel,
  { a, batch }: Contraction,
  box: Box,
  to: Place,
  variables: ReadonlyMap<Axis, string>,
): string[] {
  const { target } = kernel;
  const { strides } = target.layoutOf(a.operand);
  const [, height, width, depth] = box.extents;
  const [, h, w] = a.operand.shape;
  const [image, vertical, horizontal, channels] = a.at;
  const terms = (of: Index, unit: number, among: (axis: Axis) => boolean) =>
    [...variables]
      .filter(([each]) => among(each) && of.factorOf(each) !== 0)
      .map(([each, name]) => ` + ${name} * ${unit * of.factorOf(each)}`)
      .join("");
  const ofBatch = (each: Axis) => batch.includes(each);
  // The box starts at column horizontal.constant; those outside 0 … w − 1 are zeros.
  const start = horizontal.constant;
  const left = Math.min(width, Math.max(0, -start));
  const right = Math.max(0, Math.min(width - left, start + width - w));
  const inside = width - left - right;
  const step = vertical.factorOf(box.blocked);
  const from = `${kernel.pointer(a.operand)} + row * ${strides[1]} + ${(start + left) * strides[2] + channels.constant}${terms(image, strides[0], (each) => box.outside.includes(each))}${terms(channels, 1, ofBatch)}`;
  const zero = (at: number, length: number) =>
    length === 0 ? [] : [`__builtin_memset(to + ${at}, 0, ${length} * sizeof(real));`];
  const copy =
    strides[2] === depth
      ? [`__builtin_memcpy(to + ${left * depth}, ${from}, ${inside * depth} * sizeof(real));`]
      : [
          `for (long x = 0; x < ${inside}; x++) __builtin_memcpy(to + ${left * depth} + x * ${depth}, ${from} + x * ${strides[2]}, ${depth} * sizeof(real));`,
        ];
  return [
    `for (long y = 0; y < ${height} - (${box.block} - count) * ${step}; y++) {`,
    `const long row = ${vertical.constant} + from * ${step} + y${terms(vertical, 1, ofBatch)};`,
    `real *const to = ${kernel.pointerTo(to)} + y * ${width * depth};`,
    `if (row < 0 || row >= ${h}) { __builtin_memset(to, 0, ${width * depth} * sizeof(real)); continue; }`,
    ...zero(0, left * depth),
    ...(inside > 0 ? copy : []),
    ...zero((left + inside) * depth, right * depth),
    "}",
  ];
}
