/** Broadcasting, as NumPy and PyTorch define it: axes align at the end, and an extent of 1 repeats. */

import { ShapeError } from "./errors.ts";
import { formatShape, type Shape } from "./shape.ts";

/** The shape that both broadcast to. */
export function broadcastShape(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new ShapeError(
      `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${axis - rank} has extents ${x} and ${y}. ` +
        "They must be equal, or one of them 1.",
      { a, b },
    );
  });
}

/** The axes of `to` along which an array of shape `from` was repeated. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const missing = to.length - from.length;
  return to.flatMap((extent, axis) =>
    axis < missing || (from[axis - missing] === 1 && extent !== 1) ? [axis] : [],
  );
}
