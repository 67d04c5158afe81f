/**
 * Wide ResNet: Zagoruyko and Komodakis, "Wide Residual Networks", 2016, arXiv:1605.07146.
 *
 * For ImageNet (section 3.4), WRN-50-2-bottleneck is ResNet-50 with twice the channels in the 3×3 convolutions; as many leave a
 * block as before. Table 8 has 68.9 million parameters. Names are torchvision's.
 *
 * For CIFAR (Table 1), WRN-d-k is the pre-activation ResNet of d = 6n + 4 layers with k times the channels but for the first
 * layer: 36.5 million parameters for WRN-28-10 (Table 4). Names are pytorchcv's; stage1 to stage3 are conv2 to conv4.
 *
 * Input [n, 224, 224, 3] or [n, 32, 32, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import { doublingStages, preactNetwork, preactUnit } from "./preact-network.ts";
import {
  type BottleneckVariant,
  bottleneckBody,
  convolution,
  residualNetwork,
  shortcutTo,
} from "./residual-network.ts";

export interface WideResNetOptions {
  /** Weighted layers of the ResNet that is widened: 50 (the default) or 101. */
  readonly depth?: keyof typeof depths;
  /** How many times the channels of ResNet the 3×3 convolutions have. Default 2. */
  readonly widen?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Where a bottleneck strides: its first 1×1 ("v1") or its 3×3 ("v1.5", the default, as torchvision). */
  readonly variant?: BottleneckVariant;
}

const depths = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3] } as const;

export function wideResNet(options: WideResNetOptions = {}): nn.Layer {
  const { depth = 50, widen = 2, classes = 1000, variant = "v1.5" } = options;
  checkOneOf("wideResNet", "depth", depth, [50, 101]);
  checkOneOf("wideResNet", "variant", variant, ["v1", "v1.5"]);
  checkWhole("wideResNet", "widen", widen);
  return residualNetwork({
    counts: depths[depth],
    block: (width, stride) => {
      const body = bottleneckBody({ width: widen * width, channels: 4 * width, stride, variant });
      return nn.residual(body, shortcutTo(4 * width, stride), { after: nn.relu() });
    },
    head: { fc: nn.linear(classes) },
  });
}

export interface CifarWideResNetOptions {
  /** The paper's d, convolutions with the three projections: 6n + 4. Default 28. */
  readonly depth?: number;
  /** The paper's k, how many times the channels of ResNet. Default 10. */
  readonly widen?: number;
  /** Part of what comes to the second convolution of a unit that training leaves out. Default 0; section 3.3 has 0.3. */
  readonly dropout?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function cifarWideResNet(options: CifarWideResNetOptions = {}): nn.Layer {
  const { depth = 28, widen = 10, dropout = 0, classes = 10 } = options;
  checkWhole("cifarWideResNet", "widen", widen);
  const n = (depth - 4) / 6;
  if (!Number.isInteger(n) || n < 1)
    throw new OptionError(
      `cifarWideResNet: depth is ${depth}, but must be 6n + 4, such as 16, 22, 28 or 40.`,
      { depth },
    );
  return preactNetwork({
    first: convolution(16, 3, { padding: 1 }),
    stages: doublingStages([n, n, n], 16 * widen, (width, stride) =>
      preactUnit({ block: "basic", width, stride, dropout }),
    ),
    classes,
  });
}
