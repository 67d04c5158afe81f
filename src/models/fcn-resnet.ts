/**
 * Fully convolutional networks on residual ones, as torchvision has them: Long, Shelhamer and Darrell, "Fully Convolutional Networks
 * for Semantic Segmentation", 2014, arXiv:1411.4038, on He et al., "Deep Residual Learning for Image Recognition", 2015.
 *
 * In place of skips, the last two stages keep their size: what was a stride is a dilation (Yu and Koltun, "Multi-Scale Context
 * Aggregation by Dilated Convolutions", 2015, arXiv:1511.07122), so that scores lie 8 pixels apart and are interpolated. The auxiliary
 * head on layer3 is for training (`fcnResNetLoss`): 35,322,218 parameters with 50 layers, 32,957,013 without it.
 *
 * Input [n, h, w, 3] of any size; outputs `logits` and, with the head, `aux`, both [n, h, w, classes]
 * and in both forms.
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import type { Tensor } from "../ops/operation.ts";
import { upsampleBilinear2d } from "../ops/resize2d.ts";
import { lossWithHeads } from "./auxiliary-heads.ts";
import { bottleneckBody, convolution, shortcutTo } from "./residual-network.ts";

export interface FcnResNetOptions {
  /** Weighted layers of the residual network. Default 50. */
  readonly depth?: keyof typeof counts;
  /** Classes that pixels are told apart by. Default 21, PASCAL VOC with its background. */
  readonly classes?: number;
  /** Whether a head on layer3 helps training. Default true. */
  readonly auxiliary?: boolean;
  /** Part of the values before the last convolution that training leaves out. Default 0.1. */
  readonly dropout?: number;
}

export function fcnResNet(options: FcnResNetOptions = {}): nn.Layer<nn.NamedTensors> {
  const { depth = 50, classes = 21, auxiliary = true, dropout = 0.1 } = options;
  checkOneOf("fcnResNet", "depth", depth, [50, 101]);
  const backbone = backboneOf(counts[depth]);
  const head = (width: number): nn.Layer =>
    nn.sequential([
      nn.conv2d(width, 3, { padding: 1, bias: false }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.dropout(dropout),
      nn.conv2d(classes, 1),
    ]);
  return (x, scope) => {
    const [, h, w] = x.shape;
    const features = scope.child("backbone", backbone, x);
    const scores = (name: string, width: number, of: Tensor) =>
      upsampleBilinear2d({ x: scope.child(name, head(width), of) }, { size: [h, w] });
    return {
      logits: scores("classifier", 512, features.layer4),
      ...(auxiliary ? { aux: scores("aux_classifier", 256, features.layer3) } : {}),
    };
  };
}

/** Cross-entropy of the logits plus half that of the auxiliary ones. */
export const fcnResNetLoss = lossWithHeads(0.5);

/** Table 1 of He et al.: blocks of layer1 to layer4. */
const counts = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3] } as const;

/** The stride of each stage, the dilation of its first block, and that of its others. */
const stages = [
  { stride: 1, first: 1, others: 1 },
  { stride: 2, first: 1, others: 1 },
  { stride: 1, first: 1, others: 2 },
  { stride: 1, first: 2, others: 4 },
] as const;

/** ResNet without its last layers: maps of layer3 and layer4. */
function backboneOf(
  blocks: readonly number[],
): nn.Layer<{ readonly layer3: Tensor; readonly layer4: Tensor }> {
  const stem = nn.sequential({
    conv1: convolution(64, 7, { stride: 2, padding: 3 }),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    maxpool: nn.maxPool2d(3, { stride: 2, padding: 1 }),
  });
  const layers = stages.map(({ stride, first, others }, stage) =>
    nn.repeat(blocks[stage], (i) => block(64 * 2 ** stage, i === 0 ? stride : 1, i === 0 ? first : others)),
  );
  return (x, scope) => {
    const maps = [stem(x, scope)];
    for (const [i, layer] of layers.entries()) maps.push(scope.child(`layer${i + 1}`, layer, maps[i]));
    return { layer3: maps[3], layer4: maps[4] };
  };
}

function block(width: number, stride: number, dilation: number): nn.Layer {
  const channels = 4 * width;
  const body = bottleneckBody({ width, channels, stride, dilation });
  return nn.residual(body, shortcutTo(channels, stride), { after: nn.relu() });
}
