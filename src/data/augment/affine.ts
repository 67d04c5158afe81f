/**
 * Random shift, rotation and scale in one bilinear read: the affine distortions that brought convolutional networks on MNIST
 * below 0.6 % error (Simard, Steinkraus and Platt, "Best practices for convolutional neural networks", 2003).
 */

import { fillParameter } from "./fill.ts";
import { defineTransform } from "./transform.ts";
import { warpImage } from "./warp.ts";

export const affine = defineTransform({
  name: "affine",
  about: "shifts, turns and scales the image a little",
  parameters: {
    pixels: { default: 1.5, least: 0, most: 4096, about: "largest shift in each direction, in pixels" },
    degrees: { default: 10, least: 0, most: 180, about: "largest angle to either side, in degrees" },
    scale: { default: 0.1, least: 0, most: 0.9, about: "largest change of size, as a fraction" },
    fill: fillParameter,
  },
  apply(source, target, shape, { pixels, degrees, scale, fill }, random) {
    const warp = {
      down: random.between(-pixels, pixels),
      right: random.between(-pixels, pixels),
      angle: (random.between(-degrees, degrees) * Math.PI) / 180,
      scale: 1 + random.between(-scale, scale),
    };
    warpImage(source, target, shape, warp, fill);
  },
});
