/** Runs a list of transforms over one image after the other; what happens to an image follows from seed, epoch and its index alone. */

import { keyOf, RandomStream } from "../../tensor/random.ts";
import { transformNamed } from "./parse.ts";
import { type Augmentation, checkedValues, type ImageShape, type Pixels } from "./transform.ts";

/** Transforms `image`; the result is `image` or a buffer of the augmenter's own, valid until its next call. */
export type Augmenter = (image: Pixels, seed: number, epoch: number, index: number) => Pixels;

/** Prepares a list of transforms for images of one shape. Throws an OptionError for an unknown name or number. */
export function augmenter(augmentations: readonly Augmentation[], shape: ImageShape): Augmenter {
  const steps = augmentations.map(({ name, values }) => {
    const transform = transformNamed(name);
    return { transform, values: checkedValues(transform, values) };
  });
  let spare: readonly Pixels[] = [];
  return (image, seed, epoch, index) => {
    if (steps.length === 0) return image;
    if (spare[0]?.constructor !== image.constructor) spare = [sameKind(image), sameKind(image)];
    let source = image;
    for (const [place, { transform, values }] of steps.entries()) {
      const target = spare[place % 2];
      transform.apply(source, target, shape, values, new RandomStream(keyOf(seed, epoch, index, place)));
      source = target;
    }
    return source;
  };
}

function sameKind(image: Pixels): Pixels {
  if (image instanceof Float32Array) return new Float32Array(image.length);
  return image instanceof Uint8Array ? new Uint8Array(image.length) : new Uint8ClampedArray(image.length);
}
