/** Reads an image through an affine map with bilinear interpolation. */

import type { ImageShape, Pixels } from "./transform.ts";

export interface Warp {
  /** Angle in radians, anticlockwise as seen on the screen. */
  readonly angle: number;
  /** Factor by which things grow. */
  readonly scale: number;
  /** Pixels by which things move down and right. */
  readonly down: number;
  readonly right: number;
}

/**
 * Turns and scales `source` about its centre, then moves it; what lies outside the image counts as `fill`.
 *
 * A target pixel (y, x) reads the source at centre + R(−angle)/scale · ((y, x) − centre − move): the inverse map, so that no
 * target pixel stays empty.
 */
export function warpImage(
  source: Pixels,
  target: Pixels,
  [h, w, c]: ImageShape,
  warp: Warp,
  fill: number,
): void {
  const cos = Math.cos(warp.angle) / warp.scale;
  const sin = Math.sin(warp.angle) / warp.scale;
  const centreY = (h - 1) / 2;
  const centreX = (w - 1) / 2;
  // Integers are rounded to the nearest; a Float32Array keeps the fraction.
  const half = target instanceof Float32Array ? 0 : 0.5;
  for (let y = 0; y < h; y++) {
    const v = y - centreY - warp.down;
    for (let x = 0; x < w; x++) {
      const u = x - centreX - warp.right;
      const sourceX = centreX + cos * u - sin * v;
      const sourceY = centreY + sin * u + cos * v;
      const x0 = Math.floor(sourceX);
      const y0 = Math.floor(sourceY);
      const at = (y * w + x) * c;
      if (x0 < -1 || y0 < -1 || x0 >= w || y0 >= h) {
        for (let k = 0; k < c; k++) target[at + k] = fill;
        continue;
      }
      const fx = sourceX - x0;
      const fy = sourceY - y0;
      const corner = (y0 * w + x0) * c;
      // Most pixels have all four neighbours inside, and need not ask for each.
      if (x0 >= 0 && y0 >= 0 && x0 + 1 < w && y0 + 1 < h) {
        for (let k = 0; k < c; k++) {
          const p = corner + k;
          const top = source[p] + fx * (source[p + c] - source[p]);
          const bottom = source[p + w * c] + fx * (source[p + w * c + c] - source[p + w * c]);
          target[at + k] = top + fy * (bottom - top) + half;
        }
        continue;
      }
      const hasLeft = x0 >= 0;
      const hasRight = x0 + 1 < w;
      const hasTop = y0 >= 0;
      const hasBottom = y0 + 1 < h;
      for (let k = 0; k < c; k++) {
        const p = corner + k;
        const topLeft = hasTop && hasLeft ? source[p] : fill;
        const topRight = hasTop && hasRight ? source[p + c] : fill;
        const bottomLeft = hasBottom && hasLeft ? source[p + w * c] : fill;
        const bottomRight = hasBottom && hasRight ? source[p + w * c + c] : fill;
        const top = topLeft + fx * (topRight - topLeft);
        const bottom = bottomLeft + fx * (bottomRight - bottomLeft);
        target[at + k] = top + fy * (bottom - top) + half;
      }
    }
  }
}
