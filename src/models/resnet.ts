/**
 * ResNet: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385.
 *
 * layer1 to layer4 are conv2_x to conv5_x of Table 1; names are torchvision's. The table's FLOPs are multiply-adds: 1.8, 3.6,
 * 3.8, 7.6 and 11.3 billion, of variant "v1". Variant "v1.5", which torchvision trains, strides in the 3×3 of a bottleneck and
 * not in its first 1×1: 4.1 billion for 50 layers. `residual: false` gives the plain networks of section 4.1.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";

export type ResNetDepth = keyof typeof table1;
/** Where a bottleneck strides: its first 1×1 ("v1", the paper) or its 3×3 ("v1.5", as torchvision). */
export type ResNetVariant = "v1" | "v1.5";
/**
 * Section 4.1: A pads new channels with zeros and has no parameters, B projects where channels change, C projects in every
 * block.
 */
export type ShortcutOption = "A" | "B" | "C";

export interface ResNetOptions {
  /** Weighted layers, as the paper counts them: 18, 34, 50 (the default), 101 or 152. */
  readonly depth?: ResNetDepth;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Of bottlenecks. Default "v1.5". */
  readonly variant?: ResNetVariant;
  /** Default "B". */
  readonly shortcuts?: ShortcutOption;
  /** false: the plain networks of 18 and 34 layers, without shortcuts. Default true. */
  readonly residual?: boolean;
}

export function resnet(options: ResNetOptions = {}): nn.Layer {
  const { depth = 50, classes = 1000, variant = "v1.5", shortcuts = "B", residual = true } = options;
  checkOneOf("resnet", "depth", depth, Object.keys(table1).map(Number) as ResNetDepth[]);
  checkOneOf("resnet", "variant", variant, ["v1", "v1.5"]);
  checkOneOf("resnet", "shortcuts", shortcuts, ["A", "B", "C"]);
  const { block, counts } = table1[depth];
  if (!residual && block !== "basic")
    throw new OptionError(`resnet: depth is ${depth}, but plain networks have 18 or 34 layers.`, { depth });
  return residualNetwork({
    counts,
    classes,
    block: (width, stride) => {
      const [body, channels] =
        block === "basic"
          ? [basicBody(width, stride), width]
          : [bottleneckBody({ width, channels: 4 * width, stride, variant }), 4 * width];
      if (!residual) return nn.sequential({ ...body.layers, after: nn.relu() });
      return nn.residual(body, shortcutTo(channels, stride, shortcuts), { after: nn.relu() });
    },
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

export interface ResidualNetworkOptions {
  /** Blocks of conv2_x to conv5_x. */
  readonly counts: readonly [number, number, number, number];
  readonly classes: number;
  /** A block; `width` is that of Table 1's first rows, 64 to 512. */
  readonly block: (width: number, stride: number) => nn.Layer;
}

/** What the networks of Table 1 share with their descendants: the first layers, four stages of halving size, the last layers. */
export function residualNetwork({ counts, classes, block }: ResidualNetworkOptions): nn.Layer {
  const stage = (width: number, count: number, stride: number) =>
    nn.repeat(count, (i) => block(width, i === 0 ? stride : 1));
  return nn.sequential({
    conv1: convolution(64, 7, { stride: 2, padding: 3 }),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    maxpool: nn.maxPool2d(3, { stride: 2, padding: 1 }),
    layer1: stage(64, counts[0], 1),
    layer2: stage(128, counts[1], 2),
    layer3: stage(256, counts[2], 2),
    layer4: stage(512, counts[3], 2),
    avgpool: nn.globalAvgPool2d(),
    fc: nn.linear(classes),
  });
}

/** Figure 5, left: two 3×3 convolutions. */
function basicBody(width: number, stride: number): nn.Sequential {
  return nn.sequential({
    conv1: convolution(width, 3, { stride, padding: 1 }),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    conv2: convolution(width, 3, { padding: 1 }),
    bn2: nn.batchNorm2d(),
  });
}

export interface BottleneckOptions {
  /** Channels between the two 1×1. */
  readonly width: number;
  /** Channels out. */
  readonly channels: number;
  readonly stride: number;
  readonly variant?: ResNetVariant;
  /** Parts that the 3×3 splits its channels into. Default 1. */
  readonly groups?: number;
}

/** Figure 5, right: a 1×1 convolution that narrows, a 3×3, a 1×1 that widens. */
export function bottleneckBody(options: BottleneckOptions): nn.Sequential {
  const { width, channels, stride, variant = "v1.5", groups = 1 } = options;
  const [first, second] = variant === "v1" ? [stride, 1] : [1, stride];
  return nn.sequential({
    conv1: convolution(width, 1, { stride: first }),
    bn1: nn.batchNorm2d(),
    relu1: nn.relu(),
    conv2: convolution(width, 3, { stride: second, padding: 1, groups }),
    bn2: nn.batchNorm2d(),
    relu2: nn.relu(),
    conv3: convolution(channels, 1),
    bn3: nn.batchNorm2d(),
  });
}

/** The shortcut of a block to `channels` channels at `stride`: x itself where nothing changes, but with option C. */
export function shortcutTo(channels: number, stride: number, option: ShortcutOption = "B"): nn.Layer {
  const projection = nn.sequential({
    downsample: nn.sequential([convolution(channels, 1, { stride }), nn.batchNorm2d()]),
  });
  return (x, scope) => {
    if (option !== "C" && stride === 1 && x.shape[3] === channels) return x;
    return (option === "A" ? nn.paddedShortcut(channels, stride) : projection)(x, scope);
  };
}

/** Weights as in He et al., "Delving deep into rectifiers", 2015, which section 3.4 cites. */
function convolution(channels: number, kernel: number, options: nn.Conv2dOptions = {}): nn.Layer {
  return nn.conv2d(channels, kernel, { bias: false, weightInitializer: nn.heNormal, ...options });
}
