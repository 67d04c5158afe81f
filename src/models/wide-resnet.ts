/**
 * Wide ResNet for ImageNet: Zagoruyko and Komodakis, "Wide Residual Networks", 2016, arXiv:1605.07146, section 3.4.
 *
 * WRN-50-2-bottleneck is ResNet-50 with twice the channels in the 3×3 convolutions; as many leave a block as before.
 * Table 8 has 68.9 million parameters. Names are torchvision's.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";
import { type BottleneckVariant, bottleneckBody, residualNetwork, shortcutTo } from "./residual-network.ts";

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
