/** Mirrors the image left to right, as in AlexNet's training (Krizhevsky et al., 2012, section 4.1). Not for digits and letters. */

import { defineTransform, type ImageShape, type Pixels } from "./transform.ts";

export const flip = defineTransform({
  name: "flip",
  about: "mirrors the image left to right",
  parameters: {
    probability: { default: 0.5, least: 0, most: 1, about: "share of images that are mirrored" },
  },
  apply(source, target, shape, { probability }, random) {
    if (random.uniform() < probability) mirror(source, target, shape);
    else target.set(source);
  },
});

function mirror(source: Pixels, target: Pixels, [h, w, c]: ImageShape): void {
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const from = (y * w + x) * c;
      const to = (y * w + (w - 1 - x)) * c;
      for (let k = 0; k < c; k++) target[to + k] = source[from + k];
    }
  }
}
