/** Random changes to training images. */

export { affine } from "./affine.ts";
export { type Augmenter, augmenter } from "./augmenter.ts";
export { crop } from "./crop.ts";
export { flip } from "./flip.ts";
export { formatAugmentation, parseAugmentation } from "./parse.ts";
export { transforms } from "./registry.ts";
export { rotate } from "./rotate.ts";
export { shift } from "./shift.ts";
export {
  type Augmentation,
  defineTransform,
  type ImageShape,
  type Parameter,
  type Pixels,
  type Transform,
} from "./transform.ts";
