/**
 * EfficientNet: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, arXiv:1905.11946.
 *
 * Table 1 is B0; B1 to B7 scale its channels, blocks and images (section 3.3). Names are torchvision's: features.0 is the first
 * convolution, features.1 to features.7 are the stages of MBConv blocks, features.8 is the last convolution.
 *
 * Input [n, 224, 224, 3] for B0, `efficientnetResolutions` for the others; other sizes pass. Output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";

export type EfficientNetVariant = keyof typeof scaled;

export interface EfficientNetOptions {
  /** "b0" (the default) to "b7". */
  readonly variant?: EfficientNetVariant;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the pooled values that training leaves out. Default 0.2 for B0 to 0.5 for B7, section 5.2. */
  readonly dropout?: number;
  /** Probability that the last block survives a step; falls linearly from 1. Default 0.8, section 5.2. */
  readonly survival?: number;
}

export function efficientnet(options: EfficientNetOptions = {}): nn.Layer {
  const { variant = "b0", classes = 1000, survival = 0.8 } = options;
  checkOneOf("efficientnet", "variant", variant, Object.keys(scaled) as EfficientNetVariant[]);
  if (!(survival > 0 && survival <= 1))
    throw new OptionError(`efficientnet: survival is ${survival}, but must be above 0 and at most 1.`, {
      survival,
    });
  const [width, depth, ofVariant, norms] = scaled[variant];
  const { dropout = ofVariant } = options;
  const norm = nn.batchNorm2d(
    norms === "tensorflow" ? { epsilon: 0.001, momentum: 0.01 } : { epsilon: 1e-5, momentum: 0.1 },
  );
  const channels = (ofTable: number) => nn.scaledChannels(ofTable, width);
  const activation = nn.silu();
  const counts = table1.map(([, , , , layers]) => Math.ceil(layers * depth));
  const blocks = counts.reduce((a, b) => a + b, 0);
  const stages = table1.map(([times, kernel, stride, out], stage) => {
    const before = counts.slice(0, stage).reduce((a, b) => a + b, 0);
    // A quarter of the block's channels before they are widened.
    const excite = (expanded: number) =>
      nn.squeezeExcite(Math.max(1, Math.floor(expanded / times / 4)), { activation });
    return nn.repeat(counts[stage], (i) =>
      nn.invertedResidual({ times }, channels(out), {
        ...{ kernel, stride: i === 0 ? stride : 1, activation, norm, excite },
        // As torchvision: the first block always survives, and the last a little more often than `survival`.
        drop: nn.stochasticDepth(1 - ((before + i) / blocks) * (1 - survival), {
          coin: "image",
          rescale: "training",
        }),
      }),
    );
  });
  return nn.sequential({
    features: nn.sequential([
      nn.convNormActivation(channels(32), 3, { stride: 2, norm, activation }),
      ...stages,
      nn.convNormActivation(4 * channels(320), 1, { norm, activation }),
    ]),
    avgpool: nn.globalAvgPool2d(),
    classifier: nn.sequential([
      nn.dropout(dropout),
      nn.linear(classes, {
        weightInitializer: nn.uniform(1 / Math.sqrt(classes)),
        biasInitializer: nn.zeros,
      }),
    ]),
  });
}

// biome-ignore format: rows are stages 2 to 8 of Table 1
const table1 = [
  // expansion, kernel, stride, channels, layers
  [1, 3, 1,  16, 1],
  [6, 3, 2,  24, 2],
  [6, 5, 2,  40, 2],
  [6, 3, 2,  80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

// biome-ignore format: a row a network
const scaled = {
  // width, depth, dropout, and whose batch norm the published weights have: the larger ones were converted
  b0: [1.0, 1.0, 0.2, "pytorch"],
  b1: [1.0, 1.1, 0.2, "pytorch"],
  b2: [1.1, 1.2, 0.3, "pytorch"],
  b3: [1.2, 1.4, 0.3, "pytorch"],
  b4: [1.4, 1.8, 0.4, "pytorch"],
  b5: [1.6, 2.2, 0.4, "tensorflow"],
  b6: [1.8, 2.6, 0.5, "tensorflow"],
  b7: [2.0, 3.1, 0.5, "tensorflow"],
} as const;

/** Edges of the images that each variant was made for. */
export const efficientnetResolutions: Readonly<Record<EfficientNetVariant, number>> = {
  b0: 224,
  b1: 240,
  b2: 260,
  b3: 300,
  b4: 380,
  b5: 456,
  b6: 528,
  b7: 600,
};
