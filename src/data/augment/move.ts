/** Moves an image by whole pixels; the part that comes in from outside is filled. */

import type { ImageShape, Pixels } from "./transform.ts";

/** target[y, x] = source[y + dy, x + dx], or `fill` where that lies outside. */
export function moveImage(
  source: Pixels,
  target: Pixels,
  [h, w, c]: ImageShape,
  dy: number,
  dx: number,
  fill: number,
): void {
  const left = Math.max(0, -dx);
  const right = Math.min(w, w - dx);
  for (let y = 0; y < h; y++) {
    const row = y * w * c;
    const from = y + dy;
    if (from < 0 || from >= h || left >= right) {
      target.fill(fill, row, row + w * c);
      continue;
    }
    target.fill(fill, row, row + left * c);
    target.set(source.subarray((from * w + left + dx) * c, (from * w + right + dx) * c), row + left * c);
    target.fill(fill, row + right * c, row + w * c);
  }
}
