/**
 * Squeeze-and-excitation networks: Hu, Shen, Albanie, Sun and Wu, "Squeeze-and-Excitation Networks", 2017, arXiv:1709.01507.
 *
 * SE-ResNet and SE-ResNeXt of Table 1: ResNet and ResNeXt whose blocks weigh their channels before the sum, with reduction
 * r = 16. A bottleneck of SE-ResNet strides in its first 1×1, one of SE-ResNeXt in its 3×3. SENet-154 is the network of the
 * appendix. Names are those of Cadene/pretrained-models.pytorch: layer0 is the stem, layer1 to layer4 are conv2_x to conv5_x.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";
import {
  bottleneckBody,
  convolution,
  type ResidualStagesOptions,
  residualStages,
  shortcutTo,
} from "./residual-network.ts";

interface SENetOptions {
  /** The paper's r: a block of c channels squeezes them to ⌊c/r⌋. Default 16. */
  readonly reduction?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
}

export interface SEResNetOptions extends SENetOptions {
  /** Weighted layers of the ResNet: 50 (the default), 101 or 152. */
  readonly depth?: keyof typeof depths;
}

export function seResNet(options: SEResNetOptions = {}): nn.Layer {
  const { depth = 50, classes = 1000, reduction = 16 } = options;
  checkOneOf("seResNet", "depth", depth, [50, 101, 152]);
  checkWhole("seResNet", "reduction", reduction);
  return network({
    stem: resnetStem(),
    counts: depths[depth],
    block: (width, stride) => {
      const channels = 4 * width;
      const body = bottleneckBody({ width, channels, stride, variant: "v1" });
      return excited(body, Math.floor(channels / reduction), shortcutTo(channels, stride));
    },
    head: { last_linear: nn.linear(classes) },
  });
}

export interface SEResNeXtOptions extends SENetOptions {
  /** Weighted layers of the ResNeXt: 50 (the default) or 101. */
  readonly depth?: 50 | 101;
  /** Groups of the 3×3 convolutions. Default 32. */
  readonly cardinality?: number;
  /** Channels of each group in conv2_x. Default 4. */
  readonly bottleneckWidth?: number;
}

export function seResNeXt(options: SEResNeXtOptions = {}): nn.Layer {
  const { depth = 50, cardinality = 32, bottleneckWidth = 4, classes = 1000, reduction = 16 } = options;
  checkOneOf("seResNeXt", "depth", depth, [50, 101]);
  checkWhole("seResNeXt", "cardinality", cardinality);
  checkWhole("seResNeXt", "bottleneckWidth", bottleneckWidth);
  checkWhole("seResNeXt", "reduction", reduction);
  return network({
    stem: resnetStem(),
    counts: depths[depth],
    block: (width, stride) => {
      const channels = 4 * width;
      const inner = cardinality * bottleneckWidth * (width / 64);
      const body = bottleneckBody({ width: inner, channels, stride, groups: cardinality });
      return excited(body, Math.floor(channels / reduction), shortcutTo(channels, stride));
    },
    head: { last_linear: nn.linear(classes) },
  });
}

export interface SENet154Options extends SENetOptions {
  /** Part of the pooled values that training leaves out. Default 0.2, the paper's. */
  readonly dropout?: number;
}

/**
 * SE-ResNeXt-152 (64×4d) with what the appendix changes: three 3×3 for the first 7×7, half the channels in the first 1×1 of
 * blocks, 3×3 projections in place of 1×1 where the size halves, dropout before the last layer.
 */
export function senet154(options: SENet154Options = {}): nn.Layer {
  const { classes = 1000, reduction = 16, dropout = 0.2 } = options;
  checkWhole("senet154", "reduction", reduction);
  return network({
    stem: senet154Stem(),
    counts: depths[152],
    block: (width, stride) => {
      const channels = 4 * width;
      const body = bottleneckBody({ reduced: 2 * width, width: channels, channels, stride, groups: 64 });
      const shortcut = shortcutTo(channels, stride, { kernel: stride === 1 ? 1 : 3 });
      return excited(body, Math.floor(channels / reduction), shortcut);
    },
    head: { dropout: nn.dropout(dropout), last_linear: nn.linear(classes) },
  });
}

const depths = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3] } as const;

/** Figure 3: what the body gives is weighed channel by channel before the shortcut is added. */
function excited(body: nn.Sequential, squeezed: number, shortcut: nn.Layer): nn.Layer {
  const weighed = nn.sequential({ ...body.layers, se_module: nn.squeezeExcite(squeezed) });
  return nn.residual(weighed, shortcut, { after: nn.relu() });
}

interface NetworkOptions extends ResidualStagesOptions {
  readonly stem: nn.Layer;
  readonly head: Readonly<Record<string, nn.Layer>>;
}

function network({ stem, head, ...stages }: NetworkOptions): nn.Layer {
  return nn.sequential({
    layer0: stem,
    ...residualStages(stages),
    avg_pool: nn.globalAvgPool2d(),
    ...head,
  });
}

function resnetStem(): nn.Layer {
  return nn.sequential({
    conv1: convolution(64, 7, { stride: 2, padding: 3 }),
    bn1: nn.batchNorm2d(),
    relu1: nn.relu(),
    pool: firstPool(),
  });
}

function senet154Stem(): nn.Layer {
  return nn.sequential({
    conv1: convolution(64, 3, { stride: 2, padding: 1 }),
    bn1: nn.batchNorm2d(),
    relu1: nn.relu(),
    conv2: convolution(64, 3, { padding: 1 }),
    bn2: nn.batchNorm2d(),
    relu2: nn.relu(),
    conv3: convolution(128, 3, { padding: 1 }),
    bn3: nn.batchNorm2d(),
    relu3: nn.relu(),
    pool: firstPool(),
  });
}

/** As in the authors' Caffe: no padding, and a last window that may hang over the edge. */
function firstPool(): nn.Layer {
  return nn.maxPool2d(3, { stride: 2, rounding: "ceil" });
}
