/** Makes one batch: reads the images, augments and normalises them. The same function runs on a worker thread and in place. */

import { type Augmentation, augmenter } from "./augment/index.ts";
import type { Batch, Dataset } from "./dataset.ts";
import { type Normalization, normalizer } from "./normalization.ts";

/** What is the same for all batches of a loader. */
export interface Preparation {
  /** Seed of the augmentation. */
  readonly seed: number;
  readonly augment: readonly Augmentation[];
  readonly normalization: Normalization;
}

/** Makes the images `indices` a batch; `memory`, if given and large enough, becomes the memory of its images. */
export type Preparer = (indices: Uint32Array, epoch: number, memory?: ArrayBuffer) => Promise<Batch>;

/** Files that are read at a time: enough to keep libuv's four threads decoding. */
const lanes = 8;

/** images = (pixel/255 − mean) / std, per channel, [count, h, w, c]. */
export function preparer(dataset: Dataset, { seed, augment, normalization }: Preparation): Preparer {
  const [h, w, c] = dataset.imageShape;
  const size = h * w * c;
  const normalise = normalizer(normalization, c, dataset.name);
  // One scratch and one augmenter a lane, since reading may wait while another lane works.
  const workplaces = Array.from({ length: lanes }, () => ({
    pixels: new Uint8Array(size),
    transform: augmenter(augment, dataset.imageShape),
  }));

  return async (indices, epoch, memory) => {
    const count = indices.length;
    const bytes = 4 * count * size;
    const images = new Float32Array(
      memory && memory.byteLength >= bytes ? memory : new ArrayBuffer(bytes),
      0,
      count * size,
    );
    const labels = Float32Array.from(indices, (index) => dataset.label(index));
    let next = 0;
    const lane = async ({ pixels, transform }: (typeof workplaces)[number]) => {
      while (next < count) {
        const place = next++;
        const reading = dataset.read(indices[place], pixels);
        // Awaiting only what is a promise lets a set in memory go through without a turn of the event loop an image.
        if (reading) await reading;
        normalise(transform(pixels, seed, epoch, indices[place]), images, place * size);
      }
    };
    // Batches may overlap in time; each takes workplaces of its own.
    const taken = workplaces.splice(0, workplaces.length);
    const places = taken.length > 0 ? taken : [freshWorkplace()];
    try {
      await Promise.all(places.map(lane));
    } finally {
      workplaces.push(...places);
    }
    return { images, labels, count, indices };
  };

  function freshWorkplace() {
    return { pixels: new Uint8Array(size), transform: augmenter(augment, dataset.imageShape) };
  }
}
