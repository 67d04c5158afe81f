/**
 * Highway networks: Srivastava, Greff and Schmidhuber, "Training Very Deep Networks", 2015, arXiv:1507.06228.
 *
 * Layers of which a gate lets a part through and carries the rest past them: y = H(x)·T(x) + x·(1 − T(x)), all convolutions. The
 * gates' biases are negative at first, so that a deep network begins by carrying.
 *
 * - For CIFAR, 19 layers are those of the authors' release (flukeskywalker/highway-networks), the network of Table 3: Highway B of
 *   Table 2, a FitNet of 2.3 million parameters, with global pooling. 32 layers are Highway C of Table 2, of which the paper says
 *   that fields of 3×3 and 1×1 alternate and that it has about 1.25 million parameters; widths of 32, 64 and 96 are ours: 1.26.
 * - For MNIST, 10 layers of width 16 or 32 are those of Table 1, with 39 and 151 thousand parameters.
 *
 * Layers are named as in the release; of a highway, h is the state and t the gate.
 * Input [n, 32, 32, 3], other sizes pass, or [n, 28, 28, 1]; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";

export interface HighwayOptions {
  /** Weighted layers: 19 (the default) or 32. */
  readonly depth?: keyof typeof networks;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
  /** Part of the image, of each pooled map and of the last features that training leaves out. Default 0.2, as released. */
  readonly dropout?: number;
  /** First bias of the gates. Default −2, as released. */
  readonly gateBias?: number;
}

export function highway(options: HighwayOptions = {}): nn.Layer {
  const { depth = 19, classes = 10, dropout = 0.2, gateBias = -2 } = options;
  checkOneOf("highway", "depth", depth, Object.keys(networks).map(Number) as (keyof typeof networks)[]);
  const { widths, layers, kernels } = networks[depth];
  const stages = widths.flatMap((width, stage) => {
    const before = layers.slice(0, stage).reduce((a, b) => a + b, 0);
    const conv = (i: number) => `conv${before + i + 1}`;
    return [
      [`drop${stage + 1}`, nn.dropout(dropout)],
      [conv(0), convolution(width, 3)],
      [`relu${before + 1}`, nn.relu()],
      ...Array.from({ length: layers[stage] - 1 }, (_, i) => [
        conv(i + 1),
        highwayLayer(width, kernels[i % kernels.length], gateBias),
      ]),
      ...(stage + 1 < widths.length ? [[`pool${stage + 1}`, nn.maxPool2d(2)]] : []),
    ];
  });
  const convolutions = layers.reduce((a, b) => a + b, 0);
  return nn.sequential({
    ...Object.fromEntries(stages),
    [`conv${convolutions + 1}`]: convolution(100, 1),
    relu: nn.relu(),
    [`pool${widths.length}`]: nn.globalAvgPool2d(),
    [`drop${widths.length + 1}`]: nn.dropout(dropout),
    ip2: nn.linear(classes, { biasInitializer: nn.zeros }),
  });
}

/**
 * Each stage begins with a plain 3×3 convolution to its width; its other layers are highways, whose fields take turns. After the
 * stages come a 1×1 convolution and a linear layer.
 */
const networks: Readonly<
  Record<
    19 | 32,
    {
      readonly widths: readonly number[];
      readonly layers: readonly number[];
      readonly kernels: readonly number[];
    }
  >
> = {
  19: { widths: [32, 80, 128], layers: [5, 6, 6], kernels: [3] },
  32: { widths: [32, 64, 96], layers: [10, 10, 10], kernels: [1, 3] },
};

export interface MnistHighwayOptions {
  /** Channels of all layers: 16 or 32 (the default) in Table 1. */
  readonly width?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
  /** First bias of the gates. Default −1, as released. */
  readonly gateBias?: number;
}

export function mnistHighway(options: MnistHighwayOptions = {}): nn.Layer {
  const { width = 32, classes = 10, gateBias = -1 } = options;
  checkWhole("mnistHighway", "width", width);
  const layer = () => highwayLayer(width, 3, gateBias);
  return nn.sequential({
    drop1: nn.dropout(0.2),
    "s1-conv1": nn.conv2d(width, 5, { weightInitializer: nn.xavierUniform, biasInitializer: nn.zeros }),
    relu: nn.relu(),
    "s1-conv2": layer(),
    "s1-conv3": layer(),
    pool1: nn.maxPool2d(3, { stride: 2, rounding: "ceil" }),
    drop2: nn.dropout(0.3),
    "s2-conv1": layer(),
    "s2-conv2": layer(),
    "s2-conv3": layer(),
    pool2: nn.maxPool2d(3, { stride: 2, rounding: "ceil" }),
    drop3: nn.dropout(0.4),
    "s3-conv1": layer(),
    "s3-conv2": layer(),
    "s3-conv3": layer(),
    pool3: nn.maxPool2d(2, { rounding: "ceil" }),
    drop4: nn.dropout(0.5),
    flatten: nn.flatten(),
    ip2: nn.linear(classes, { biasInitializer: nn.zeros }),
  });
}

function convolution(width: number, kernel: number, bias = 0): nn.Layer {
  return nn.conv2d(width, kernel, {
    padding: (kernel - 1) / 2,
    weightInitializer: nn.xavierUniform,
    biasInitializer: nn.constant(bias),
  });
}

function highwayLayer(width: number, kernel: number, gateBias: number): nn.Layer {
  return nn.highway(convolution(width, kernel), convolution(width, kernel, gateBias));
}
