/** Mean and standard deviation of a set's pixels, for sets that come without them. */

import type { Dataset } from "./dataset.ts";

export interface MeasureOptions {
  /** Images that are read, evenly spaced over the set. Default 256, which gives two digits. */
  readonly images?: number;
}

/** Mean and standard deviation of each channel in units of 0…1; a channel that never changes gets deviation 1, so that it can be divided by. */
export async function measureNormalization(
  dataset: Pick<Dataset, "imageShape" | "length" | "read">,
  { images = 256 }: MeasureOptions = {},
): Promise<Dataset["normalization"]> {
  const [h, w, c] = dataset.imageShape;
  const pixels = new Uint8Array(h * w * c);
  const sum = new Float64Array(c);
  const squares = new Float64Array(c);
  const count = Math.min(images, dataset.length);
  for (let i = 0; i < count; i++) {
    await dataset.read(Math.floor((i * dataset.length) / count), pixels);
    for (let p = 0; p < pixels.length; p++) {
      const value = pixels[p] / 255;
      sum[p % c] += value;
      squares[p % c] += value * value;
    }
  }
  const total = count * h * w;
  // Four digits: more would pretend to an accuracy that a sample does not have.
  const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
  const mean = Array.from(sum, (s) => s / total);
  const std = mean.map((m, k) => rounded(Math.sqrt(Math.max(0, squares[k] / total - m * m))) || 1);
  return { mean: mean.map(rounded), std };
}
