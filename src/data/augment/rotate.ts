/** Random rotation about the centre by a small angle, with bilinear interpolation. */

import { fillParameter } from "./fill.ts";
import { defineTransform } from "./transform.ts";
import { warpImage } from "./warp.ts";

export const rotate = defineTransform({
  name: "rotate",
  about: "turns the image about its centre",
  parameters: {
    degrees: { default: 10, least: 0, most: 180, about: "largest angle to either side, in degrees" },
    fill: fillParameter,
  },
  apply(source, target, shape, { degrees, fill }, random) {
    const angle = (random.between(-degrees, degrees) * Math.PI) / 180;
    warpImage(source, target, shape, { angle, scale: 1, down: 0, right: 0 }, fill);
  },
});
