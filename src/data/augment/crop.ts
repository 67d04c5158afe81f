/**
 * Pads the image on all sides and cuts a window of its own size out at random: with 4 pixels, the recipe of CIFAR-10 (He et al.,
 * "Deep Residual Learning for Image Recognition", 2015, section 4.2, after Lee et al., "Deeply-Supervised Nets", 2014).
 */

import { fillParameter } from "./fill.ts";
import { moveImage } from "./move.ts";
import { defineTransform } from "./transform.ts";

export const crop = defineTransform({
  name: "crop",
  about: "pads the image and cuts a window of the same size",
  parameters: {
    padding: { default: 4, least: 0, most: 4096, about: "pixels added on each side before the cut" },
    fill: fillParameter,
  },
  apply(source, target, shape, { padding, fill }, random) {
    // A window of the padded image is the image moved by at most the padding.
    const places = 2 * Math.floor(padding) + 1;
    const dy = random.integer(places) - Math.floor(padding);
    const dx = random.integer(places) - Math.floor(padding);
    moveImage(source, target, shape, dy, dx, fill);
  },
});
