/**
 * Fully convolutional networks: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014,
 * arXiv:1411.4038.
 *
 * VGG-16 with its linear layers read as convolutions (section 4.1), a score for each class at each place, and transposed
 * convolutions back to the size of the image. FCN-32s makes the scores 32 times larger at once; FCN-16s adds those of pool4, at stride
 * 16, before, and FCN-8s also those of pool3 (section 4.2, figure 3). The first convolution pads by 100, so that small images
 * reach fc6; what this shifts is cut away at the end. Names are those of wkentaro/pytorch-fcn, a port of the authors' Caffe models.
 *
 * Input [n, h, w, 3] of any size; output logits [n, h, w, classes]. Train it with the labels of pixels, [n, h, w], and
 * `crossEntropy(…, { ignoreLabel: 255 })` where borders are marked so.
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { add } from "../ops/add.ts";
import type { Tensor } from "../ops/operation.ts";
import { slice } from "../ops/slice.ts";

export interface FcnOptions {
  /** Pixels from one place of the finest scores to the next: 32, 16 or 8 (the default), Table 2. */
  readonly stride?: keyof typeof table2;
  /** Classes that pixels are told apart by. Default 21, PASCAL VOC with its background. */
  readonly classes?: number;
  /**
   * Whether the transposed convolutions are "trained" (the default, section 3.3) from bilinear interpolation on, or stay at it
   * ("fixed"), as those of the published weights did.
   */
  readonly upsampling?: "trained" | "fixed";
  /** Part of the channels of fc6 and fc7 that training leaves out. Default 0.5. */
  readonly dropout?: number;
}

export function fcn(options: FcnOptions = {}): nn.Layer {
  const { stride = 8, classes = 21, upsampling = "trained", dropout = 0.5 } = options;
  checkOneOf("fcn", "stride", stride, [32, 16, 8]);
  checkOneOf("fcn", "upsampling", upsampling, ["trained", "fixed"]);
  const { last, skips } = table2[stride];
  const larger = (factor: number) =>
    nn.transposedConv2d(classes, 2 * factor, {
      stride: factor,
      bias: false,
      weightInitializer: nn.bilinear,
      fixed: upsampling === "fixed",
    });
  const score = () => nn.conv2d(classes, 1, initial);
  const head = fullyConnected(dropout);
  return (x, scope) => {
    const pools = stages.map(([name, widths]) => [name, stage(name, widths)] as const);
    const maps: Record<string, Tensor> = {};
    let y = x;
    for (const [name, layer] of pools) {
      y = layer(y, scope);
      maps[name] = y;
    }
    y = scope.child("score_fr", score(), head(y, scope));
    for (const { pool, upscore, offset } of skips) {
      y = scope.child(upscore, larger(2), y);
      const scores = scope.child(`score_${pool}`, score(), maps[pool]);
      y = add({ a: y, b: cut(scores, offset, y) }, {});
    }
    y = scope.child(last.upscore, larger(last.factor), y);
    return cut(y, last.offset, x);
  };
}

/**
 * Table 2, coarse to fine: which scores are added on the way, and from which row and column on a map lies over the one it is
 * added to, or the scores over the image.
 */
const table2 = {
  32: { skips: [], last: { upscore: "upscore", factor: 32, offset: 19 } },
  16: {
    skips: [{ pool: "pool4", upscore: "upscore2", offset: 5 }],
    last: { upscore: "upscore16", factor: 16, offset: 27 },
  },
  8: {
    skips: [
      { pool: "pool4", upscore: "upscore2", offset: 5 },
      { pool: "pool3", upscore: "upscore_pool4", offset: 9 },
    ],
    last: { upscore: "upscore8", factor: 8, offset: 31 },
  },
} as const;

/** Configuration D of VGG: channels of the convolutions before each pooling. */
const stages = [
  ["pool1", [64, 64]],
  ["pool2", [128, 128]],
  ["pool3", [256, 256, 256]],
  ["pool4", [512, 512, 512]],
  ["pool5", [512, 512, 512]],
] as const;

// As VGG here; the published networks begin with VGG's weights and with scores of 0.
const initial = { weightInitializer: nn.heNormal, biasInitializer: nn.zeros };

function stage(pool: string, widths: readonly number[]): nn.Layer {
  const number = pool.slice("pool".length);
  const convolutions = widths.map((width, i) => ({
    [`conv${number}_${i + 1}`]: nn.conv2d(width, 3, {
      padding: pool === "pool1" && i === 0 ? 100 : 1,
      ...initial,
    }),
    [`relu${number}_${i + 1}`]: nn.relu(),
  }));
  return nn.sequential({
    ...Object.assign({}, ...convolutions),
    [pool]: nn.maxPool2d(2, { rounding: "ceil" }),
  });
}

function fullyConnected(dropout: number): nn.Layer {
  return nn.sequential({
    fc6: nn.conv2d(4096, 7, initial),
    relu6: nn.relu(),
    drop6: nn.channelDropout(dropout),
    fc7: nn.conv2d(4096, 1, initial),
    relu7: nn.relu(),
    drop7: nn.channelDropout(dropout),
  });
}

/** The part of x from row and column `offset` on that has the size of `like`. */
function cut(x: Tensor, offset: number, like: Tensor): Tensor {
  const [, h, w] = like.shape;
  return slice(
    { x: slice({ x }, { axis: 1, from: offset, length: h }) },
    { axis: 2, from: offset, length: w },
  );
}

/**
 * What FCN calls a weight of VGG-16 under torchvision's names, undefined for the last layer, which it has not: the networks of
 * the paper begin with these weights. They are the same numbers, fc6 and fc7 in the order of linear layers.
 *
 *   weightsFor(network.parameters, vgg16Tensors, { rename: fcnNameOfVgg16, head: headOf(…) })
 */
export function fcnNameOfVgg16(name: string): string | undefined {
  const [, layer, leaf] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const ours = vgg16Layers.get(layer);
  return ours === undefined ? undefined : `${ours}.${leaf}`;
}

/** Each convolution is followed by its activation, each stage by its pooling. */
const vgg16Layers: ReadonlyMap<string, string> = new Map([
  ...stages.flatMap(([pool, widths], stage) => {
    const before = stages.slice(0, stage).reduce((sum, [, each]) => sum + 2 * each.length + 1, 0);
    const number = pool.slice("pool".length);
    return widths.map((_, i) => [`features.${before + 2 * i}`, `conv${number}_${i + 1}`] as const);
  }),
  ["classifier.0", "fc6"],
  ["classifier.3", "fc7"],
]);
