/**
 * Local response normalisation as the networks of 2012 to 2014 have it, over 5 channels with β = 0.75: x · (k + α·Σ x²)^−β.
 * Papers and the code that made the published weights do not agree on k and α.
 *
 * Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 3.3.
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";

/** Whose constants: the "paper" of Krizhevsky et al., "caffe"'s reproduction of it, or "pytorchcv"'s. */
export type ResponseNormConstants = keyof typeof constants;

/** The layer's alpha is five times the papers' α, which is times the sum of the five squares and not their mean. */
const constants = {
  /** k = 2, α = 10⁻⁴; also Chatfield et al., 2014, and Simonyan and Zisserman, 2014. */
  paper: { k: 2, alpha: 5e-4 },
  /** k = 1, α = 10⁻⁴/5: bvlc_alexnet, bvlc_reference_caffenet, bvlc_googlenet, and MatConvNet's training code. */
  caffe: { k: 1, alpha: 1e-4 },
  /** k = 2, α = 10⁻⁴/5: its AlexNet and ZFNet. */
  pytorchcv: { k: 2, alpha: 1e-4 },
} as const;

/** Throws an OptionError, in the name of the model `where`, for constants that are not known. */
export function responseNorm(where: string, of: ResponseNormConstants): nn.Layer {
  checkOneOf(where, "responseNorm", of, Object.keys(constants) as ResponseNormConstants[]);
  return nn.localResponseNorm(5, { ...constants[of], beta: 0.75 });
}
