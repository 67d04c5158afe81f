/**
 * Dual path networks: Chen, Li, Xiao, Jin, Yan and Feng, "Dual Path Networks", 2017, arXiv:1707.01629.
 *
 * Table 1 has DPN-92, 98 and 131; 68 and 107 are the authors' later ones. A block's last 1×1 gives channels for both paths: those
 * of the residual path are added, those of the dense path joined. Names are those of Cadene/pretrained-models.pytorch:
 * features.conv2_1 to features.conv5_3 are the blocks, last_linear is a 1×1 convolution on the pooled maps.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { add } from "../ops/add.ts";
import { concat } from "../ops/concat.ts";
import type { Tensor } from "../ops/operation.ts";
import { slice } from "../ops/slice.ts";

export type DpnDepth = keyof typeof table1;

export interface DpnOptions {
  /** Weighted layers as the authors count them: 68, 92 (the default), 98, 107 or 131. */
  readonly depth?: DpnDepth;
  /** Whether a convolution for each path ends a block, as in DPN-68b, in place of one for both: the same function. Default false. */
  readonly splitPaths?: boolean;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
}

export function dpn(options: DpnOptions = {}): nn.Layer {
  const { depth = 92, splitPaths = false, classes = 1000 } = options;
  checkOneOf("dpn", "depth", depth, Object.keys(table1).map(Number) as DpnDepth[]);
  const { conv1, groups, stages } = table1[depth];
  const [filters, kernel] = conv1;
  const first = nn.sequential({
    conv: convolution(filters, kernel, { stride: 2, padding: (kernel - 1) / 2 }),
    bn: batchNorm(),
    act: nn.relu(),
    pool: nn.maxPool2d(3, { stride: 2, padding: 1 }),
  });
  const blocks = stages.flatMap(([width, channels, increment, count], stage) =>
    Array.from({ length: count }, (_, i) => {
      const projection = i > 0 ? undefined : { stride: stage === 0 ? 1 : 2 };
      const block = dualPathBlock({ width, channels, increment, groups, projection, splitPaths });
      return [`conv${stage + 2}_${i + 1}`, block] as const;
    }),
  );
  return nn.sequential({
    features: (x, scope) => {
      let maps: Tensor | Paths = scope.child("conv1_1", first, x);
      for (const [name, block] of blocks) maps = scope.child(name, block, maps);
      return scope.child("conv5_bn_ac", activation(), joined(maps));
    },
    avgpool: nn.globalAvgPool2d({ keepAxes: true }),
    last_linear: nn.conv2d(classes, 1),
    flatten: nn.flatten(),
  });
}

// biome-ignore format: rows and columns are those of Table 1
const table1 = {
  // a stage: channels of the first 1×1 and the 3×3, of the residual path, added to the dense path by each block; blocks
  68: { conv1: [10, 3], groups: 32, stages: [[128,  64, 16, 3], [256, 128, 32, 4], [ 512,  256, 32, 12], [1024,  512,  64, 3]] },
  92: { conv1: [64, 7], groups: 32, stages: [[ 96, 256, 16, 3], [192, 512, 32, 4], [ 384, 1024, 24, 20], [ 768, 2048, 128, 3]] },
  98: { conv1: [96, 7], groups: 40, stages: [[160, 256, 16, 3], [320, 512, 32, 6], [ 640, 1024, 32, 20], [1280, 2048, 128, 3]] },
  107: { conv1: [128, 7], groups: 50, stages: [[200, 256, 20, 4], [400, 512, 64, 8], [ 800, 1024, 64, 20], [1600, 2048, 128, 3]] },
  131: { conv1: [128, 7], groups: 40, stages: [[160, 256, 16, 4], [320, 512, 32, 8], [ 640, 1024, 32, 28], [1280, 2048, 128, 3]] },
} as const;

/** Maps of the two paths; before the first block there is one tensor. */
interface Paths {
  readonly residual: Tensor;
  readonly dense: Tensor;
}

function joined(maps: Tensor | Paths): Tensor {
  return nn.isTensor(maps) ? maps : concat({ 0: maps.residual, 1: maps.dense }, {});
}

interface BlockOptions {
  /** Channels of the first 1×1 and the 3×3. */
  readonly width: number;
  /** Channels of the residual path. */
  readonly channels: number;
  /** Channels that the dense path gains. */
  readonly increment: number;
  readonly groups: number;
  /** What a stage begins with: new paths, the dense one of twice the increment. Within a stage, paths go on. */
  readonly projection: { readonly stride: number } | undefined;
  readonly splitPaths: boolean;
}

/** Figure 2(d): both paths go in joined, and one bottleneck gives what is added to the one and joined to the other. */
function dualPathBlock(options: BlockOptions): nn.Layer<Paths, Tensor | Paths> {
  const { width, channels, increment, groups, projection, splitPaths } = options;
  const { stride } = projection ?? { stride: 1 };
  const split = (x: Tensor): Paths => ({
    residual: slice({ x }, { from: 0, length: channels }),
    dense: slice({ x }, { from: channels, length: x.shape[3] - channels }),
  });
  const both = (count: number, step: number) =>
    activated(convolution(channels + count * increment, 1, { stride: step }));
  const bottleneck = nn.sequential({
    c1x1_a: activated(convolution(width, 1)),
    c3x3_b: activated(convolution(width, 3, { stride, padding: 1, groups })),
    c1x1_c: splitPaths ? activation() : both(1, 1),
  });
  return (maps, scope) => {
    const x = joined(maps);
    const paths =
      projection === undefined && !nn.isTensor(maps)
        ? maps
        : split(scope.child(`c1x1_w_s${stride}`, both(2, stride), x));
    const y = bottleneck(x, scope);
    const added: Paths = splitPaths
      ? {
          residual: scope.child("c1x1_c1", convolution(channels, 1), y),
          dense: scope.child("c1x1_c2", convolution(increment, 1), y),
        }
      : split(y);
    return {
      residual: add({ a: paths.residual, b: added.residual }, {}),
      dense: concat({ 0: paths.dense, 1: added.dense }, {}),
    };
  };
}

/** What stands before each convolution. */
function activation(): nn.Sequential {
  return nn.sequential({ bn: batchNorm(), act: nn.relu() });
}

function activated(conv: nn.Layer): nn.Layer {
  return nn.sequential({ ...activation().layers, conv });
}

function batchNorm(): nn.Layer {
  return nn.batchNorm2d({ epsilon: 0.001 });
}

function convolution(channels: number, kernel: number, options: nn.Conv2dOptions = {}): nn.Layer {
  return nn.conv2d(channels, kernel, { bias: false, weightInitializer: nn.heNormal, ...options });
}
