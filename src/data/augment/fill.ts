/** The value of pixels that come from outside the image; every transform that moves pixels takes it. */

import type { Parameter } from "./transform.ts";

export const fillParameter: Parameter = {
  default: 0,
  least: -1e6,
  most: 1e6,
  about: "value of pixels from outside the image, in the unit of the pixels",
};
