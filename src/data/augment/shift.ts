/** Random shift by whole pixels in both directions, as in the training of LeNet-5's distorted MNIST (LeCun et al., 1998, section III). */

import { fillParameter } from "./fill.ts";
import { moveImage } from "./move.ts";
import { defineTransform } from "./transform.ts";

export const shift = defineTransform({
  name: "shift",
  about: "moves the image by whole pixels",
  parameters: {
    pixels: { default: 2, least: 0, most: 4096, about: "largest shift in each direction, in whole pixels" },
    fill: fillParameter,
  },
  apply(source, target, shape, { pixels, fill }, random) {
    const span = 2 * Math.floor(pixels) + 1;
    const dy = random.integer(span) - Math.floor(pixels);
    const dx = random.integer(span) - Math.floor(pixels);
    moveImage(source, target, shape, dy, dx, fill);
  },
});
