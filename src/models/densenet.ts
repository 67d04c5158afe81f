/**
 * DenseNet: Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", 2016, arXiv:1608.06993.
 *
 * For ImageNet, the DenseNet-BC of Table 1: bottlenecks of 4k channels (B), transitions that keep half the channels (C), k = 32 (48
 * for 161 layers, which is the authors' later one). For CIFAR (section 3, "Implementation details"), three blocks on 32×32, 16×16 and
 * 8×8 places, with bottlenecks and compression or without: Table 2 has 1.0, 7.0 and 27.2 million parameters without, and with them
 * 0.8, 15.3 and 25.6. Names are torchvision's.
 *
 * Input [n, 224, 224, 3] or [n, 32, 32, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";
import { concat } from "../ops/concat.ts";
import { OptionError } from "../tensor/errors.ts";

export type DenseNetDepth = keyof typeof table1;

export interface DenseNetOptions {
  /** Weighted layers: 121 (the default), 161, 169 or 201. */
  readonly depth?: DenseNetDepth;
  /** The paper's k: channels that each layer adds. Default 32, for 161 layers 48. */
  readonly growthRate?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of what each layer adds that training leaves out. Default 0; section 4.2 has 0.2 without augmentation. */
  readonly dropout?: number;
}

export function densenet(options: DenseNetOptions = {}): nn.Layer {
  const { depth = 121, classes = 1000, dropout = 0 } = options;
  checkOneOf("densenet", "depth", depth, Object.keys(table1).map(Number) as DenseNetDepth[]);
  const { k, layers } = table1[depth];
  const { growthRate = k } = options;
  checkWhole("densenet", "growthRate", growthRate);
  const block = (count: number) => denseBlock(count, bottleneckLayer(growthRate, dropout));
  const transition = () => transitionOf(0.5);
  return nn.sequential({
    features: nn.sequential({
      // Section 4: 2k filters before the first block.
      conv0: convolution(2 * growthRate, 7, { stride: 2, padding: 3 }),
      norm0: nn.batchNorm2d(),
      relu0: nn.relu(),
      pool0: nn.maxPool2d(3, { stride: 2, padding: 1 }),
      denseblock1: block(layers[0]),
      transition1: transition(),
      denseblock2: block(layers[1]),
      transition2: transition(),
      denseblock3: block(layers[2]),
      transition3: transition(),
      denseblock4: block(layers[3]),
      norm5: nn.batchNorm2d(),
    }),
    relu: nn.relu(),
    avgpool: nn.globalAvgPool2d(),
    classifier: nn.linear(classes, { biasInitializer: nn.zeros }),
  });
}

/** Table 1: growth rate, and the layers of each dense block. */
const table1 = {
  121: { k: 32, layers: [6, 12, 24, 16] },
  161: { k: 48, layers: [6, 12, 36, 24] },
  169: { k: 32, layers: [6, 12, 32, 32] },
  201: { k: 32, layers: [6, 12, 48, 32] },
} as const;

export interface CifarDenseNetOptions {
  /** The paper's L, weighted layers: 3n + 4, with bottlenecks 6n + 4. Default 100; the paper has 40, 100, 190 and 250. */
  readonly depth?: number;
  /** The paper's k: channels that each layer adds. Default 12; the paper has 12, 24 and 40. */
  readonly growthRate?: number;
  /** Whether layers have bottlenecks of 4k channels (B). Default true. */
  readonly bottleneck?: boolean;
  /** The paper's θ, share of the channels that transitions keep (C). Default 0.5 with bottlenecks, else 1. */
  readonly compression?: number;
  /** Channels of the first convolution. Default 2k with bottlenecks, else 16. */
  readonly initialChannels?: number;
  /** Part of what each layer adds that training leaves out. Default 0; section 4.2 has 0.2 without augmentation. */
  readonly dropout?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function cifarDenseNet(options: CifarDenseNetOptions = {}): nn.Layer {
  const { depth = 100, growthRate = 12, bottleneck = true, dropout = 0, classes = 10 } = options;
  const { compression = bottleneck ? 0.5 : 1, initialChannels = bottleneck ? 2 * growthRate : 16 } = options;
  checkWhole("cifarDenseNet", "growthRate", growthRate);
  checkWhole("cifarDenseNet", "initialChannels", initialChannels);
  if (!(compression > 0 && compression <= 1))
    throw new OptionError(
      `cifarDenseNet: compression is ${compression}, but must be above 0 and at most 1.`,
      { compression },
    );
  const [layers, kind] = bottleneck ? [6, "with"] : [3, "without"];
  const n = (depth - 4) / layers;
  if (!Number.isInteger(n) || n < 1)
    throw new OptionError(
      `cifarDenseNet: depth is ${depth}, but must be ${layers}n + 4 ${kind} bottlenecks, such as 40 or 100.`,
      { depth, bottleneck },
    );
  const block = () => denseBlock(n, (bottleneck ? bottleneckLayer : plainLayer)(growthRate, dropout));
  return nn.sequential({
    features: nn.sequential({
      conv0: convolution(initialChannels, 3, { padding: 1 }),
      denseblock1: block(),
      transition1: transitionOf(compression),
      denseblock2: block(),
      transition2: transitionOf(compression),
      denseblock3: block(),
      norm5: nn.batchNorm2d(),
    }),
    relu: nn.relu(),
    avgpool: nn.globalAvgPool2d(),
    classifier: nn.linear(classes, { biasInitializer: nn.zeros }),
  });
}

/** Equation 2: each layer sees the maps of all before it. Joined one by one, they are written where the last layer reads them. */
function denseBlock(count: number, layer: nn.Layer): nn.Layer {
  return (x, scope) => {
    let maps = x;
    for (let i = 1; i <= count; i++)
      maps = concat({ 0: maps, 1: scope.child(`denselayer${i}`, layer, maps) }, {});
    return maps;
  };
}

/** DenseNet-B's H: batch norm, ReLU and 1×1 convolution to 4k channels, then the same with 3×3 to k. */
function bottleneckLayer(growthRate: number, dropout: number): nn.Layer {
  return nn.sequential({
    norm1: nn.batchNorm2d(),
    relu1: nn.relu(),
    conv1: convolution(4 * growthRate, 1),
    norm2: nn.batchNorm2d(),
    relu2: nn.relu(),
    conv2: convolution(growthRate, 3, { padding: 1 }),
    drop: nn.dropout(dropout),
  });
}

/** H without a bottleneck: batch norm, ReLU and a 3×3 convolution to k channels. */
function plainLayer(growthRate: number, dropout: number): nn.Layer {
  return nn.sequential({
    norm1: nn.batchNorm2d(),
    relu1: nn.relu(),
    conv1: convolution(growthRate, 3, { padding: 1 }),
    drop: nn.dropout(dropout),
  });
}

/** The paper's θ, `compression`, of the channels, and half the size. */
function transitionOf(compression: number): nn.Layer {
  return (x, scope) =>
    nn.sequential({
      norm: nn.batchNorm2d(),
      relu: nn.relu(),
      conv: convolution(Math.floor(x.shape[3] * compression), 1),
      pool: nn.avgPool2d(2),
    })(x, scope);
}

/** Weights as in He et al., 2015, section 4.2. */
function convolution(channels: number, kernel: number, options: nn.Conv2dOptions = {}): nn.Layer {
  return nn.conv2d(channels, kernel, { bias: false, weightInitializer: nn.heNormal, ...options });
}
