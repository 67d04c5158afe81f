/**
 * VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, arXiv:1409.1556.
 *
 * Configurations are the columns of Table 1. Table 2 has 133 (A, A-LRN, B), 134 (C), 138 (D) and 144 (E) million parameters.
 * With `batchNorm`, which came later, each convolution is followed by batch normalisation, as in torchvision's vgg16_bn.
 * Names are torchvision's, which has A, B, D and E; A-LRN and C are numbered by the same rule.
 *
 * Input [n, 224, 224, 3]; the means before the linear layers let other sizes pass. Output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import { responseNorm } from "./response-norm.ts";

/** Columns of Table 1. */
export type VggConfiguration = keyof typeof table1;

export interface VggOptions {
  /** Column of Table 1. Default "D", VGG-16. */
  readonly configuration?: VggConfiguration;
  /** Whether each convolution is followed by batch normalisation. Default false, the paper. */
  readonly batchNorm?: boolean;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the hidden units of the linear layers that training leaves out. Default 0.5, the paper's section 3.1. */
  readonly dropout?: number;
}

export function vgg(options: VggOptions = {}): nn.Layer {
  const { configuration = "D", batchNorm = false, classes = 1000, dropout = 0.5 } = options;
  checkOneOf("vgg", "configuration", configuration, Object.keys(table1) as VggConfiguration[]);
  if (batchNorm && configuration === "A-LRN")
    throw new OptionError('vgg: A-LRN has its own normalisation. Use configuration "A" with batchNorm.', {
      configuration,
      batchNorm,
    });
  const norm = () => (batchNorm ? [nn.batchNorm2d()] : []);
  const stages = table1[configuration].map((rows, stage) => [
    ...rows.flatMap((row) =>
      row === "lrn"
        ? [responseNorm("vgg", "paper")]
        : [convolution(widths[stage], row), ...norm(), nn.relu()],
    ),
    nn.maxPool2d(2),
  ]);
  const hidden = () => [linear(4096), nn.relu(), nn.dropout(dropout)];
  return nn.sequential({
    features: nn.sequential(stages.flat()),
    avgpool: nn.adaptiveAvgPool2d(7),
    flatten: nn.flatten(),
    classifier: nn.sequential([...hidden(), ...hidden(), linear(classes)]),
  });
}

/** Channels of the convolutions between two poolings of Table 1, the same in all its columns. */
const widths = [64, 128, 256, 512, 512] as const;

/** Table 1: the kernels between two poolings. */
// biome-ignore format: columns of Table 1, each in a line
const table1 = {
  "A":     [[3],        [3],    [3, 3],       [3, 3],       [3, 3]],
  "A-LRN": [[3, "lrn"], [3],    [3, 3],       [3, 3],       [3, 3]],
  "B":     [[3, 3],     [3, 3], [3, 3],       [3, 3],       [3, 3]],
  "C":     [[3, 3],     [3, 3], [3, 3, 1],    [3, 3, 1],    [3, 3, 1]],
  "D":     [[3, 3],     [3, 3], [3, 3, 3],    [3, 3, 3],    [3, 3, 3]],
  "E":     [[3, 3],     [3, 3], [3, 3, 3, 3], [3, 3, 3, 3], [3, 3, 3, 3]],
} as const;

// First values are torchvision's in kind: those of section 3.1 (normal, variance 0.01) train only the shallow networks, whose
// layers the paper then copies into the deep ones.
function convolution(channels: number, kernel: number): nn.Layer {
  const padding = (kernel - 1) / 2;
  return nn.conv2d(channels, kernel, { padding, weightInitializer: nn.heNormal, biasInitializer: nn.zeros });
}

function linear(features: number): nn.Layer {
  return nn.linear(features, { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros });
}
