/**
 * ResNet: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385.
 *
 * layer1 to layer4 are conv2_x to conv5_x of Table 1; names are torchvision's. The table's FLOPs are multiply-adds: 1.8, 3.6,
 * 3.8, 7.6 and 11.3 billion, of variant "v1". Variant "v1.5", which torchvision trains, strides in the 3×3 of a bottleneck and
 * not in its first 1×1: 4.1 billion for 50 layers. `residual: false` gives the plain networks of section 4.1, `stochasticDepth`
 * those of Huang et al., "Deep Networks with Stochastic Depth", 2016, section 4, where 152 layers have survival 0.5.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import {
  basicBody,
  bottleneckBody,
  residualNetwork,
  type ShortcutOption,
  type StochasticDepthSchedule,
  shortcutTo,
} from "./residual-network.ts";

export type ResNetDepth = keyof typeof table1;
export type ResNetVariant = keyof typeof variants;

export interface ResNetOptions {
  /** Weighted layers, as the paper counts them: 18, 34, 50 (the default), 101 or 152. */
  readonly depth?: ResNetDepth;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /**
   * "v1.5" (the default) as torchvision, "v1" as the paper; "caffe" is the authors' release: "v1" with max pooling that has no
   * padding and rounds up; "facebook" is that of fb.resnet.torch: "v1.5" with biases in all convolutions.
   */
  readonly variant?: ResNetVariant;
  /** Default "B". */
  readonly shortcuts?: ShortcutOption;
  /** false: the plain networks of 18 and 34 layers, without shortcuts. Default true. */
  readonly residual?: boolean;
  /** "cifar" begins with a 3×3 convolution and without pooling, for images of 32 pixels (kuangliu/pytorch-cifar). Default "imagenet". */
  readonly stem?: "imagenet" | "cifar";
  /** Default: every block is there in every step. */
  readonly stochasticDepth?: StochasticDepthSchedule;
}

export function resnet(options: ResNetOptions = {}): nn.Layer {
  const { depth = 50, classes = 1000, variant = "v1.5", shortcuts = "B", residual = true } = options;
  const { stem = "imagenet", stochasticDepth } = options;
  checkOneOf("resnet", "depth", depth, Object.keys(table1).map(Number) as ResNetDepth[]);
  checkOneOf("resnet", "variant", variant, Object.keys(variants) as ResNetVariant[]);
  checkOneOf("resnet", "shortcuts", shortcuts, ["A", "B", "C"]);
  checkOneOf("resnet", "stem", stem, ["imagenet", "cifar"]);
  const { block, counts } = table1[depth];
  if (!residual && block !== "basic")
    throw new OptionError(`resnet: depth is ${depth}, but plain networks have 18 or 34 layers.`, { depth });
  if (!residual && stochasticDepth !== undefined)
    throw new OptionError("resnet: plain networks have no shortcuts that stochastic depth could leave.");
  const { strides, bias, head } = variants[variant];
  return residualNetwork({
    counts,
    stem: stem === "cifar" ? stem : variants[variant].stem,
    bias,
    stochasticDepth,
    block: (width, stride, drop) => {
      const channels = block === "basic" ? width : 4 * width;
      const body =
        block === "basic"
          ? basicBody(width, stride, { bias })
          : bottleneckBody({ width, channels, stride, variant: strides, bias });
      if (!residual) return nn.sequential({ ...body.layers, after: nn.relu() });
      const shortcut = shortcutTo(channels, stride, { option: shortcuts, bias });
      return nn.residual(body, shortcut, { drop, after: nn.relu() });
    },
    head: { [head]: nn.linear(classes) },
  });
}

/** Table 1: the block of each depth, and how many of it make up conv2_x to conv5_x. */
const table1 = {
  18: { block: "basic", counts: [2, 2, 2, 2] },
  34: { block: "basic", counts: [3, 4, 6, 3] },
  50: { block: "bottleneck", counts: [3, 4, 6, 3] },
  101: { block: "bottleneck", counts: [3, 4, 23, 3] },
  152: { block: "bottleneck", counts: [3, 8, 36, 3] },
} as const;

/** Names of the last layer are those of the checkpoints: torchvision's, and Cadene's of the two releases. */
const variants = {
  v1: { strides: "v1", stem: "imagenet", bias: false, head: "fc" },
  "v1.5": { strides: "v1.5", stem: "imagenet", bias: false, head: "fc" },
  caffe: { strides: "v1", stem: "caffe", bias: false, head: "last_linear" },
  facebook: { strides: "v1.5", stem: "imagenet", bias: true, head: "last_linear" },
} as const;
