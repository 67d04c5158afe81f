/**
 * MobileNet: Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto and Adam, "MobileNets: Efficient Convolutional Neural
 * Networks for Mobile Vision Applications", 2017, arXiv:1704.04861.
 *
 * Table 1: a 3×3 convolution, then 13 pairs of a depthwise 3×3 and a pointwise 1×1 convolution, each with batch norm and ReLU.
 * The width multiplier α scales all channels. The resolution multiplier ρ is the size of the input: 224, 192, 160 or 128 pixels
 * (`mobilenetResolutions`). Names are those of pytorchcv's mobilenet_w1: features.stage1 to features.stage5 end where the size halves.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkAboveZero, checkOneOf } from "../nn/options.ts";

export interface MobileNetV1Options {
  /** The paper's α, channels by those of Table 1: 1 (the default), 0.75, 0.5 and 0.25 in the paper. */
  readonly width?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** "relu" (the default) is the paper's; the authors' checkpoints have "relu6". */
  readonly activation?: "relu" | "relu6";
  /** Step of the first convolution: 2 (the default), or 1 for images of 32 pixels, as implementations for CIFAR have it. */
  readonly firstStride?: 1 | 2;
}

/** Sizes of the input for the resolution multipliers of Table 7: ρ = 1, 6/7, 5/7 and 4/7. */
export const mobilenetResolutions = [224, 192, 160, 128] as const;

/** Pointwise channels of Table 1, stage by stage; the first pair of each stage but stage 1 halves the size. */
const table1 = [[64], [128, 128], [256, 256], [512, 512, 512, 512, 512, 512], [1024, 1024]] as const;

export function mobilenetV1(options: MobileNetV1Options = {}): nn.Layer {
  const { width = 1, classes = 1000, activation = "relu", firstStride = 2 } = options;
  checkAboveZero("mobilenetV1", "width", width);
  checkOneOf("mobilenetV1", "activation", activation, ["relu", "relu6"]);
  checkOneOf("mobilenetV1", "firstStride", firstStride, [1, 2]);
  // As the authors' code: cut to a whole number, and at least 8.
  const channels = (ofTable: number) => Math.max(8, Math.floor(ofTable * width));
  const unit = (conv: nn.Layer) =>
    nn.sequential({ conv, bn: nn.batchNorm2d(), activ: nn.activation(activation) });
  const initial = { bias: false, weightInitializer: nn.heNormal };
  const pair = (ofTable: number, stride: number) =>
    nn.sequential({
      dw_conv: unit(nn.depthwiseConv2d(3, { stride, padding: 1, ...initial })),
      pw_conv: unit(nn.conv2d(channels(ofTable), 1, initial)),
    });
  // The paper's last pair is printed with stride 2 at 7×7 maps, and gives 7×7 maps: its stride is 1.
  const stages = table1.map((rows, stage) => [
    `stage${stage + 1}`,
    nn.sequential(
      Object.fromEntries(rows.map((row, i) => [`unit${i + 1}`, pair(row, stage > 0 && i === 0 ? 2 : 1)])),
    ),
  ]);
  return nn.sequential({
    features: nn.sequential({
      init_block: unit(nn.conv2d(channels(32), 3, { stride: firstStride, padding: 1, ...initial })),
      ...Object.fromEntries(stages),
      final_pool: nn.globalAvgPool2d(),
    }),
    output: nn.linear(classes),
  });
}
