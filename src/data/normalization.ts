/** Bytes of images as the numbers that a network takes: (byte/255 − mean) / std in each channel. */

import { DatasetError } from "../tensor/errors.ts";

/** Mean and standard deviation of each channel, in units of 0…1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /**
   * "bgr" where the network takes blue first, as Caffe's do; mean and std have that order then, images are red first all the same.
   * Default: channels as they are.
   */
  readonly channels?: "bgr";
}

/**
 * Normalises images of one number of channels. `name` tells whose images they are, for errors. What it returns writes the
 * normalised `pixels` [.., c] to `target` from element `at` on.
 *
 * Every byte of every channel is looked up in a table, so that it is one float32 whoever prepares. Throws a DatasetError when the
 * normalisation is not one of `channels` channels.
 */
export function normalizer(
  normalization: Normalization,
  channels: number,
  name: string,
): (pixels: ArrayLike<number>, target: Float32Array, at: number) => void {
  const { mean, std, channels: order } = normalization;
  if (mean.length !== channels || std.length !== channels || !std.every((s) => s > 0)) {
    throw new DatasetError(
      `${name}: normalisation by mean [${mean}] and std [${std}] does not fit images of ${channels} channels; std must be above 0.`,
      { mean, std, channels },
    );
  }
  const table = Float32Array.from(
    { length: channels * 256 },
    (_, i) => ((i & 255) / 255 - mean[i >> 8]) / std[i >> 8],
  );
  const sources = Array.from({ length: channels }, (_, k) => (order === "bgr" ? channels - 1 - k : k));
  return (pixels, target, at) => {
    const size = pixels.length;
    if (channels === 1) {
      for (let i = 0; i < size; i++) target[at + i] = table[pixels[i]];
      return;
    }
    for (let k = 0; k < channels; k++) {
      const from = sources[k];
      for (let i = 0; i < size; i += channels) target[at + i + k] = table[256 * k + pixels[i + from]];
    }
  };
}
